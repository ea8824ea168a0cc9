import { createRandom, type Random } from "../../base/random.ts";
import type { PausedClock } from "../network/host-clock.ts";
import type { Disorder } from "../network/shuffle.ts";
import type { Crash, Unreachable } from "../network.ts";

/** Where a program asks that faults befall, too. */
export const visitor = "visitor";

/** What befalls a cluster, when, and for how long; hosts are devices, `coordinator` and `visitor`. */
export type Fault = {
  readonly atSeconds: number;
  readonly seconds: number;
} /** `wiped`: what was on its disk is gone. */ & (
  | { readonly type: "crash"; readonly host: string; readonly how: Crash; readonly wiped: boolean }
  | {
      readonly type: "pause";
      readonly host: string;
      readonly clock: PausedClock;
      readonly first: "timers" | "frames";
    }
  /** Links between hosts of one group and all others, or from one group to the others only. */
  | {
      readonly type: "cut";
      readonly hosts: readonly string[];
      readonly others: readonly string[];
      readonly how: Unreachable;
      readonly oneWay: boolean;
    }
  | {
      readonly type: "slow";
      readonly host: string;
      readonly latencySeconds: number;
      readonly bandwidthBitsPerSecond: number;
    }
  /** Nobody can dial a host; channels that stand go on. */
  | { readonly type: "hide"; readonly host: string; readonly how: Unreachable }
  /** No fault: the coordinator goes over to another plan while it serves, and stays there. */
  | {
      readonly type: "adopt";
      readonly model: number;
      readonly seed: number;
      readonly replay: boolean;
    }
  /** A device's runtime refuses the next part that it is to load. */
  | { readonly type: "refuse"; readonly host: string }
  /** What a device's channels of one model to others go through breaks: these end at once. */
  | { readonly type: "sever"; readonly host: string; readonly model: number }
  /** No fault: a model is unloaded, and loaded again in the end. */
  | { readonly type: "unload"; readonly model: number }
);

/** Everything that a simulation needs to happen again exactly as it did. */
export interface Schedule {
  /** Of the setting, the load and the network's chance. */
  readonly seed: number;
  readonly disorder: Disorder;
  readonly faults: readonly Fault[];
}

/** Faults begin within this time; most last no longer than the other. */
const faultySeconds = 3;
const longSeconds = 2.5;
/** Some last longer than anybody waits. */
const longestSeconds = 9;

/**
 * One to five faults on the hosts of a cluster, overlapping as they may, and in half of the schedules
 * one to three changes of plan. All faults end: a device that crashed starts again, a link that is
 * down comes up again. Where there are several models, some are unloaded for a while, and channels of
 * one break.
 *
 * @param spare devices without any of which there is a plan, too: in some schedules one refuses a part
 */
export function randomSchedule(
  seed: number,
  devices: readonly string[],
  spare: readonly string[],
  models: number,
): Schedule {
  const random = createRandom(seed + 2 ** 30);
  const count = 1 + random.integer(5);
  const faults = Array.from({ length: count }, () => randomFault(random, devices));
  const isDisordered = random.next() < 0.5;
  const changes = random.next() < 0.5 ? 1 + random.integer(3) : 0;
  const modelOf = createRandom(seed + 2 ** 23);
  const adoptions = Array.from({ length: changes }, () =>
    randomAdoption(random, modelOf.integer(models)),
  );
  // A coordinator without its journal starts for the first time: what is refused then ends it.
  const isForgetful = faults.some(
    (one) => one.type === "crash" && one.host === "coordinator" && one.wiped,
  );
  const refusals = isForgetful ? [] : randomRefusals(seed, spare);
  const moves = models === 1 ? [] : randomMoves(modelOf, devices, models);
  return {
    seed,
    disorder: {
      duplicate: isDisordered ? 0.1 : 0,
      overtake: isDisordered ? 0.1 : 0,
      holdSeconds: 0.05,
    },
    faults: [...faults, ...adoptions, ...refusals, ...moves].sort(
      (one, other) => one.atSeconds - other.atSeconds,
    ),
  };
}

function randomAdoption(random: Random, model: number): Fault {
  const atSeconds = milliseconds(random.next() * faultySeconds);
  const seed = random.integer(2 ** 20);
  return { type: "adopt", atSeconds, seconds: 0, model, seed, replay: random.next() < 0.3 };
}

/** What befalls one of several models. */
function randomMoves(random: Random, devices: readonly string[], models: number): Fault[] {
  const model = () => random.integer(models);
  const begin = () => milliseconds(random.next() * faultySeconds);
  const unloads = Array.from({ length: random.integer(3) }, () => {
    const lasting = milliseconds(0.01 + random.next() * longSeconds);
    return { type: "unload", atSeconds: begin(), seconds: lasting, model: model() } as const;
  });
  const breaks = Array.from({ length: random.integer(3) }, () => {
    const host = random.pick(devices);
    return { type: "sever", atSeconds: begin(), seconds: 0, host, model: model() } as const;
  });
  return [...unloads, ...breaks];
}

function randomRefusals(seed: number, spare: readonly string[]): Fault[] {
  const random = createRandom(seed + 2 ** 28);
  if (spare.length === 0 || random.next() >= 0.15) return [];
  const atSeconds = milliseconds(random.next() * faultySeconds);
  return [{ type: "refuse", atSeconds, seconds: 0, host: random.pick(spare) }];
}

function randomFault(random: Random, devices: readonly string[]): Fault {
  const most = random.next() < 0.03 ? longestSeconds : longSeconds;
  const span = {
    atSeconds: milliseconds(random.next() * faultySeconds),
    seconds: milliseconds(0.01 + random.next() ** 3 * most),
  };
  const hosts = [...devices, "coordinator"];
  const host = random.next() < 0.08 ? visitor : random.pick(hosts);
  const kind = random.next();
  if (kind < 0.35) {
    const how = random.pick(["killed", "unplugged"] as const);
    return { type: "crash", ...span, host, how, wiped: random.next() < 0.3 };
  }
  if (kind < 0.5) {
    return {
      type: "pause",
      ...span,
      host,
      clock: random.pick(["runs", "stands"] as const),
      first: random.pick(["timers", "frames"] as const),
    };
  }
  if (kind < 0.8) return { type: "cut", ...span, ...randomCut(random, [...hosts, visitor]) };
  if (kind < 0.85) {
    const how = random.pick(["refused", "swallowed"] as const);
    return { type: "hide", ...span, host: random.pick(devices), how };
  }
  return {
    type: "slow",
    ...span,
    host,
    latencySeconds: milliseconds(random.next() * 0.3),
    bandwidthBitsPerSecond: 1e5 + random.integer(1e6),
  };
}

/** One link, or a group of hosts from all the others. */
function randomCut(random: Random, hosts: readonly string[]) {
  const shuffled = random.shuffle(hosts);
  const inGroup = random.next() < 0.6 ? 1 : 1 + random.integer(hosts.length - 1);
  const isPair = random.next() < 0.5;
  return {
    hosts: shuffled.slice(0, inGroup),
    others: isPair ? shuffled.slice(inGroup, inGroup + 1) : shuffled.slice(inGroup),
    how: random.pick(["refused", "swallowed"] as const),
    oneWay: random.next() < 0.2,
  };
}

function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}
