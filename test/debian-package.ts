/**
 * Programs that tests run against, from Debian's packages, without being root.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** Kept between runs; git ignores it. */
const kept = resolve(import.meta.dirname, "../.debian");
const limitSeconds = 100;
/** What `timeout` and `flock` end with when time is up. */
const late = "124";

/**
 * Unpacks a package and nothing that it depends on. `$1`: its name, `$2`: the folder of all packages.
 * Where the system's lists know nothing of it, or an outdated version, others are fetched beside them.
 */
const unpack = `
cd "$2"
test -d "$1" && exit
work=$(mktemp -d work.XXXXXX)
trap 'rm -rf "$2/$work"' EXIT
cd "$work"
apt-get -q download "$1" || {
  mkdir -p ../apt/lists/partial ../apt/cache/archives/partial
  export HERE="$PWD/../apt"
  set -- "$@" -q -o "Dir::State::Lists=$HERE/lists" -o "Dir::Cache=$HERE/cache" -o APT::Sandbox::User=
  apt-get "\${@:3}" update
  apt-get "\${@:3}" download "$1"
}
dpkg-deb -x ./*.deb root
mv root "../$1"
`;

/**
 * Downloads a package of Debian's and unpacks it, once for all tests and runs; several may ask at once.
 *
 * @param folder of all packages
 * @returns where its files lie, as they would below `/`
 * @throws an `Error` that names what cannot be tested, and why: where there is no Debian or no network,
 * the tests that need the package fail
 */
export async function debianPackage(name: string, folder: string = kept): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    // The kernel lets go of the lock of whoever dies.
    await promisify(execFile)("flock", [
      ...["-w", `${limitSeconds}`, "-E", late, join(folder, "lock")],
      ...["timeout", `${limitSeconds}`],
      ...["bash", "-eu", "-c", unpack, "bash", name, folder],
    ]);
  } catch (error) {
    throw new Error(
      `left out: what is tested with Debian's package '${name}', which cannot be had here: ${reasonOf(error)}; it takes Debian or one like it (apt-get, dpkg-deb, flock) and a way to its packages`,
      { cause: error },
    );
  }
  return join(folder, name);
}

/** What the programs complained of, else what became of them. */
function reasonOf(error: unknown): string {
  const {
    stderr = "",
    code,
    message,
  } = error as Error & {
    readonly stderr?: string;
    readonly code?: number | string;
  };
  if (String(code) === late) return `it took longer than ${limitSeconds} s`;
  const complaints = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("W:"));
  return complaints.at(-1) ?? message;
}
