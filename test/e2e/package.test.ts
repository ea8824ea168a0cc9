import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { longRun } from "../conformance/planner.ts";

/** The package as a user gets it, beside nothing but what it depends on. */
const folder = mkdtempSync(join(tmpdir(), "partita-package-"));
const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", NO_COLOR: "1" };
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, env: environment, encoding: "utf8", stdio: "pipe" });

beforeAll(() => {
  run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], process.cwd());
  const [archive = ""] = readdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true }));
  if (longRun) install(archive);
  else unpack(archive);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function install(archive: string): void {
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${archive}`], folder);
}

/** What installing comes to where all that the package depends on is here already. */
function unpack(archive: string): void {
  const place = join(folder, "node_modules/partita");
  mkdirSync(place, { recursive: true });
  run("tar", ["-xzf", archive, "--strip-components=1", "-C", place], folder);
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { readonly dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(packages)) {
    if (path === "" || dev === true || path.includes("/node_modules/") || !existsSync(path))
      continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(resolve(path), join(folder, path), "dir");
  }
  const { bin } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
  const command = join(folder, "node_modules/.bin/partita");
  mkdirSync(dirname(command));
  chmodSync(join(place, bin.partita), 0o755);
  symlinkSync(join(place, bin.partita), command);
}

test("the library example plans from a profile", () => {
  cpSync("examples/library", join(folder, "example"), { recursive: true });
  const printed = run(process.execPath, ["example/plan.mjs"], folder);
  expect(printed).toMatch(/camera runs .* in .* ms/);
  expect(printed).toMatch(/answers a second, gap 0\n$/);
});

test("the command line inspects a model", () => {
  run("npx", ["--no-install", "partita", "zoo", "squeezenet", "-o", "model.onnx"], folder);
  const printed = run("npx", ["--no-install", "partita", "inspect", "model.onnx"], folder);
  expect(printed).toContain("Conv");
});
