/**
 * What is to be simulated, as the command line says it: arrivals, losses and the window to draw.
 *
 * @module
 */
import { createRandom } from "../base/random.ts";
import { formatQuantity, parseQuantity } from "../base/units.ts";
import type { Topology } from "../cost/topology.ts";
import type { Arrivals } from "../sim/arrivals.ts";
import { readArrivals } from "../sim/arrivals-file.ts";
import type { Loss } from "../sim/world.ts";
import { usage } from "./command.ts";
import { readText, shownName } from "./files.ts";
import { readRate } from "./rates.ts";
import type { Terminal } from "./terminal.ts";

/** How requests arrive, told to people, and anew for each simulation: chance starts at its seed. */
export interface ArrivalPlan {
  /** @param full so many in flight fill the pipeline */
  text(full: number): string;
  /** How many are listed; `null`: as many as are asked for. */
  readonly listed: number | null;
  create(full: number): Arrivals;
}

/** @throws USAGE_INVALID, TRACE_INVALID, FILE_NOT_FOUND */
export async function readArrivalPlan(
  written: string,
  seed: number,
  terminal: Terminal,
): Promise<ArrivalPlan> {
  if (written === "closed") {
    return {
      text: (full) => `${full} in flight at all times, which fill the pipeline`,
      listed: null,
      create: (inFlight) => ({ type: "closed", inFlight }),
    };
  }
  const closed = /^closed:(.*)$/.exec(written)?.[1];
  if (closed !== undefined) {
    const inFlight = Number(closed);
    if (!/^\d+$/.test(closed) || inFlight < 1 || inFlight > mostInFlight) {
      throw usage(
        `--arrivals closed:N wants a whole number from 1 to ${mostInFlight}, not "${closed}"`,
      );
    }
    return {
      text: () => `${inFlight} in flight at all times`,
      listed: null,
      create: () => ({ type: "closed", inFlight }),
    };
  }
  const poisson = rateOf(written, "poisson");
  if (poisson !== null) {
    return {
      text: () => `${poisson} /s on average, independent of one another (Poisson, seed ${seed})`,
      listed: null,
      create: () => ({ type: "poisson", perSecond: poisson, random: createRandom(seed) }),
    };
  }
  const steady = rateOf(written, "steady");
  if (steady !== null) {
    return {
      text: () => `one each ${formatQuantity(1 / steady, "s", 4)}`,
      listed: null,
      create: () => ({ type: "steady", perSecond: steady }),
    };
  }
  const seconds = readArrivals(await readText(written, terminal), shownName(written));
  return {
    text: () => `as listed in ${shownName(written)}`,
    listed: seconds.length,
    create: () => ({ type: "listed", seconds }),
  };
}

/** Requests a second; `null`: this is another way to arrive. @throws USAGE_INVALID */
function rateOf(written: string, way: "poisson" | "steady"): number | null {
  if (!written.startsWith(`${way}:`)) return null;
  return readRate(written.slice(way.length + 1), `--arrivals ${way}:RATE`);
}

const mostInFlight = 1_000_000;

/** @throws USAGE_INVALID */
export function readLosses(written: readonly string[], { devices }: Topology): Loss[] {
  return written.map((text) => {
    const at = text.lastIndexOf("@");
    const name = text.slice(0, at);
    const device = devices.findIndex((one) => one.name === name);
    if (at < 0) throw usage(`--loss wants DEVICE@TIME such as camera@5s, not "${text}"`);
    if (device < 0) {
      throw usage(
        `--loss names device '${name}', which the topology has not (devices: ${devices.map((one) => one.name).join(", ")})`,
      );
    }
    return { device, seconds: readSeconds(text.slice(at + 1), "--loss") };
  });
}

/** `2s..3s`. @throws USAGE_INVALID */
export function readWindow(written: string): readonly [number, number] {
  const [from, to, ...others] = written.split("..");
  if (from === undefined || to === undefined || others.length > 0) {
    throw usage(`--window wants two times such as 2s..3s, not "${written}"`);
  }
  const [start, end] = [readSeconds(from, "--window"), readSeconds(to, "--window")];
  if (end > start) return [start, end];
  throw usage(
    `--window must end after it begins, but goes from ${formatQuantity(start, "s")} to ${formatQuantity(end, "s")}`,
  );
}

function readSeconds(written: string, flag: string): number {
  try {
    const value = parseQuantity(written, "s");
    if (value >= 0) return value;
  } catch {
    // What is expected says more to whoever wrote an option than what was read.
  }
  throw usage(`${flag} wants a time of at least 0 with its unit, such as 5s, not "${written}"`);
}
