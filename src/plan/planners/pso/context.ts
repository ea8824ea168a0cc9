import type { HopCosts } from "../exact-pieces/hops.ts";
import type { GroupModel } from "./group-model.ts";

/** Devices that share a stage, between those of the stages before and behind it. */
export interface Context {
  readonly members: readonly number[];
  /** By position in `members` and piece: the costs of the tensors in front of a piece, on their way in. */
  readonly inward: readonly Ports[];
  /** The same on their way out, to the stage behind. */
  readonly outward: readonly Ports[];
  /** Seconds at [first piece · pieces + last piece]; `NaN`: not worked out yet. */
  readonly known: Float64Array;
}

/** What all the tensors of each cut cost a device at one of its ports. */
export interface Ports {
  /** Load of the device itself. */
  readonly own: Float64Array;
  /** Load of the busiest link on the way. */
  readonly wire: Float64Array;
}

/** @param before devices of the stage in front, and behind it; empty where there is none */
export function createContext(
  { count, pieces }: GroupModel,
  members: readonly number[],
  before: readonly number[],
  behind: readonly number[],
): Context {
  return {
    members,
    inward: members.map((device) => portsIn(pieces.cuts, device, before, pieces.problem)),
    outward: members.map((device) => portsOut(pieces.cuts, device, behind, pieces.problem)),
    known: new Float64Array(count * count).fill(Number.NaN),
  };
}

interface Ends {
  readonly source: number;
  readonly devices: readonly unknown[];
}

function portsIn(
  cuts: readonly HopCosts[],
  device: number,
  before: readonly number[],
  { source, devices }: Ends,
): Ports {
  const most = (costs: (cut: HopCosts) => Float64Array): Float64Array =>
    Float64Array.from(cuts, (cut, piece) => {
      const from = piece === 0 ? [source] : before;
      return largest(from, device, (other) => costs(cut)[other * devices.length + device] ?? 0);
    });
  return { own: most(({ receive }) => receive), wire: most(({ wire }) => wire) };
}

function portsOut(
  cuts: readonly HopCosts[],
  device: number,
  behind: readonly number[],
  { devices }: Ends,
): Ports {
  const most = (costs: (cut: HopCosts) => Float64Array): Float64Array =>
    Float64Array.from(cuts, (cut) =>
      largest(behind, device, (other) => costs(cut)[device * devices.length + other] ?? 0),
    );
  return { own: most(({ send }) => send), wire: most(({ wire }) => wire) };
}

function largest(
  others: readonly number[],
  device: number,
  cost: (other: number) => number,
): number {
  let most = 0;
  for (const other of others) if (other !== device) most = Math.max(most, cost(other));
  return most;
}
