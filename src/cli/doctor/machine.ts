import { messageOf } from "../../base/errors.ts";
import { systemCode, writeFailure } from "../../base/file-failure.ts";
import { formatQuantity } from "../../base/units.ts";
import { type Check, failed, ok, warning } from "./check.ts";
import type { Probes } from "./probes.ts";

export interface Folders {
  readonly cacheFolder: string;
  readonly stateFolder: string;
}

const oldestNode = 20;
const littleMemoryBytes = 512 * 2 ** 20;
const littleDiskBytes = 2 ** 30;
/** Transfers of a few milliseconds are timed with it. */
const coarseClockSeconds = 1e-3;
/** This program is younger: a clock that says less was never set. 2026-01-01. */
const earliestCalendarSeconds = 1_767_225_600;

/** What can be known of a machine without its network. Never rejects. */
export async function checkMachine(probes: Probes, folders: Folders): Promise<readonly Check[]> {
  return [
    checkNode(probes),
    await checkRuntime(probes),
    ...checkLimits(probes),
    await checkFolder("cache folder", folders.cacheFolder, "XDG_CACHE_HOME", probes),
    await checkFolder("state folder", folders.stateFolder, "XDG_STATE_HOME", probes),
    ...checkClock(probes),
  ];
}

function checkNode({ nodeVersion }: Probes): Check {
  const major = Number(/^v(\d+)/.exec(nodeVersion)?.[1] ?? 0);
  if (major >= oldestNode) return ok("Node.js", nodeVersion);
  return failed("Node.js", nodeVersion, `install Node.js ${oldestNode} or newer`);
}

async function checkRuntime(probes: Probes): Promise<Check> {
  try {
    const seconds = await probes.benchmark();
    return ok(
      "runtime",
      `${probes.runtimeName} works, standard benchmark ${formatQuantity(seconds, "s")}`,
    );
  } catch (error) {
    return failed(
      "runtime",
      `${probes.runtimeName} does not work: ${messageOf(error)}`,
      "install partita anew on this machine (npm ci), so that the library is the one for its system and processor; musl-based systems such as Alpine have none",
    );
  }
}

function checkLimits(probes: Probes): Check[] {
  const { cores, coresFrom, memoryBytes, memoryFrom } = probes.limits();
  const memory = `${formatQuantity(memoryBytes, "B", 4)} (by ${memoryFrom})`;
  return [
    ok("cores", `${cores} (by ${coresFrom})`),
    memoryBytes >= littleMemoryBytes
      ? ok("memory", memory)
      : warning("memory", memory, "only small parts fit; give its container or group more"),
  ];
}

async function checkFolder(
  name: string,
  folder: string,
  variable: string,
  probes: Probes,
): Promise<Check> {
  try {
    const free = await probes.write(folder);
    const observed = `${folder}, ${formatQuantity(free, "B")} free`;
    if (free >= littleDiskBytes) return ok(name, observed);
    return warning(
      name,
      observed,
      `free some space (partita cache clear), or name a folder on another disk in ${variable}`,
    );
  } catch (error) {
    return failed(
      name,
      `${folder} cannot be written to: ${writeFailure(error)}`,
      systemCode(error) === "ENOSPC"
        ? `make room there, or name a folder on another disk in ${variable}`
        : `name a folder that this user may write to in ${variable}`,
    );
  }
}

function checkClock(probes: Probes): Check[] {
  const step = probes.clockStep();
  const observed = `steps of ${formatQuantity(step, "s")}`;
  const isSet = probes.calendarSeconds() >= earliestCalendarSeconds;
  const calendar = new Date(probes.calendarSeconds() * 1000).toISOString();
  return [
    step <= coarseClockSeconds
      ? ok("monotonic clock", observed)
      : warning("monotonic clock", observed, "links and stages are measured only roughly here"),
    isSet
      ? ok("calendar", calendar)
      : failed("calendar", calendar, "set the clock (NTP): certificates are not valid yet by it"),
  ];
}
