/**
 * Devices on one switch: two equal ones over speeds and rates, and larger groups.
 *
 * @module
 */
import { bitsPerSecond, seconds } from "../../dist/base/units.js";
import { plainDevice, plainLinks } from "../../dist/cost/plain-topology.js";
import type { Profile } from "../../dist/cost/profile.js";
import type { Topology } from "../../dist/cost/topology.js";
import { exact } from "../../dist/plan/planners/exact.js";
import { mustAsk, rounded } from "./ask.ts";

/** What the whole network takes on one of two equal devices. */
export const wholeSeconds = [0.25, 0.5, 1, 1.5, 2, 4, 8] as const;
export const megabits = [10, 25, 50, 100, 250, 1000] as const;
const linkLatencySeconds = 2e-4;
const limitSeconds = 12;
/** The target, and where the picture is searched for it, in Mbit/s. */
export const targetGain = 1.7;
const widest = 1e4;

export interface PairCell {
  readonly wholeSeconds: number;
  readonly megabits: number;
  readonly latencySeconds: number;
  readonly gain: number;
  readonly simulatedRatio: number;
}

export interface Crossing {
  readonly wholeSeconds: number;
  /** The least rate with the gain of the target; `null`: none up to 10 Gbit/s. */
  readonly megabits: number | null;
}

/** Two equal devices of such a speed that one takes so long. */
export function measurePair(profile: Profile): { cells: PairCell[]; crossings: Crossing[] } {
  const own = ownSeconds(profile);
  const at = (whole: number, rate: number): PairCell => {
    const topology = switchOf([own / whole, own / whole], rate);
    const found = mustAsk(exact, profile, topology, { tiles: true, limitSeconds });
    const gain = alone(profile, topology) / found.latencySeconds;
    return {
      ...{ wholeSeconds: whole, megabits: rate },
      latencySeconds: rounded(found.latencySeconds),
      gain: rounded(gain),
      simulatedRatio: rounded(found.simulatedRatio),
    };
  };
  const cells = wholeSeconds.flatMap((whole) => megabits.map((rate) => at(whole, rate)));
  const crossings = wholeSeconds.map((whole): Crossing => {
    const reaches = (rate: number): boolean => at(whole, rate).gain >= targetGain;
    if (!reaches(widest)) return { wholeSeconds: whole, megabits: null };
    let [fails, works] = [1, widest];
    while (works / fails > 1.05) {
      const middle = Math.sqrt(works * fails);
      if (reaches(middle)) works = middle;
      else fails = middle;
    }
    return { wholeSeconds: whole, megabits: Number(works.toPrecision(2)) };
  });
  return { cells, crossings };
}

export interface GroupCell {
  readonly network: string;
  readonly kind: "equal" | "unequal";
  readonly megabits: number;
  readonly devices: number;
  /** Of devices that have rows of some stage. */
  readonly members: number;
  readonly latencySeconds: number;
  /** Over the source, which is the fastest. */
  readonly gain: number;
  /** What all devices together compute in a second ÷ what the fastest does: no group gains more. */
  readonly most: number;
  readonly gap: number | null;
  readonly simulatedRatio: number;
  /** Whether the planner was stopped. */
  readonly stopped: boolean;
}

/** Speeds of the devices of a group; the network takes 2 s on the first. */
const kinds = {
  equal: (at: number): number => (at >= 0 ? 1 : 0),
  unequal: (at: number): number => 1 / (1 + at / 2),
} as const;

/** Two to six devices, all on one switch; the fastest has the picture and wants the answer. */
export function measureGroups(network: string, profile: Profile): GroupCell[] {
  const slowed = ownSeconds(profile) / 2;
  return (["equal", "unequal"] as const).flatMap((kind) =>
    [100, 1000].flatMap((rate) =>
      [2, 3, 4, 5, 6].map((count): GroupCell => {
        const relative = Array.from({ length: count }, (_, at) => kinds[kind](at));
        const speeds = relative.map((one) => one * slowed);
        const topology = switchOf(speeds, rate);
        const found = mustAsk(exact, profile, topology, { tiles: true, limitSeconds });
        const { plan, latencySeconds, bound, simulatedRatio } = found;
        const members = new Set(
          plan.stages.flatMap(({ tiles = [] }) => tiles.map((one) => one.device)),
        );
        return {
          ...{ network, kind, megabits: rate, devices: count, members: members.size },
          latencySeconds: rounded(latencySeconds),
          gain: rounded(alone(profile, topology) / latencySeconds),
          most: rounded(relative.reduce((sum, one) => sum + one, 0)),
          gap: bound === null ? null : rounded(1 - bound / latencySeconds),
          simulatedRatio: rounded(simulatedRatio),
          stopped: plan.stopped === true,
        };
      }),
    ),
  );
}

/** Of the whole network on one device of the profile. */
function ownSeconds(profile: Profile): number {
  return alone(profile, switchOf([1], 1));
}

/** On the source alone. */
function alone(profile: Profile, topology: Topology): number {
  const [source] = topology.devices;
  if (source === undefined) throw new Error("there is no device");
  const single = { ...topology, devices: [source], links: [] };
  return mustAsk(exact, profile, single, { tiles: false, limitSeconds }).latencySeconds;
}

function switchOf(speeds: readonly number[], rate: number): Topology {
  const names = speeds.map((_, at) => `d${at + 1}`);
  return {
    format: "partita.topology/1",
    devices: names.map((name, at) => plainDevice({ name, speed: speeds[at] ?? 1 })),
    links: names.flatMap((one, at) =>
      names
        .slice(at + 1)
        .flatMap((other) =>
          plainLinks(one, other, bitsPerSecond(rate * 1e6), seconds(linkLatencySeconds)),
        ),
    ),
    source: names[0] ?? "",
    sink: names[0] ?? "",
    inputBytes: {},
  };
}
