import { type Context, createContext } from "./context.ts";
import type { GroupModel } from "./group-model.ts";
import { RangeLoads } from "./range-loads.ts";
import { shareRows } from "./shares.ts";

/** How a group runs some pieces: the first ones shared by rows, the others on one device. */
export interface GroupStage {
  readonly seconds: number;
  /** Who shares the first pieces, with the row behind the last of each; empty: nobody. */
  readonly sharers: readonly number[];
  readonly ends: readonly number[];
  /** The last piece that is shared. */
  readonly lastShared: number;
  /** Who runs what is not shared. */
  readonly alone: number;
}

/**
 * What runs of pieces cost on groups of devices: the largest load of a member or of a link at its
 * port, each member having one port in and one out. Where a stage beside has several devices of
 * unequal links, the slowest of these counts.
 *
 * Each member is loaded by its nodes and its own part in hops: the work at its boundaries where it is
 * overlapped, whole hops where it is exclusive, as everywhere in the cost model.
 */
export class GroupTimes {
  readonly #model: GroupModel;
  readonly #contexts = new Map<string, Context>();
  readonly #loads: RangeLoads;
  /** For each two devices a third that stands in the same way to both; see `peerOf`. */
  readonly #peers: Int32Array;

  constructor(model: GroupModel) {
    this.#model = model;
    this.#loads = new RangeLoads(model);
    this.#peers = findPeers(model);
  }

  /** Whether it makes no difference to any device which of the others it exchanges tensors with. */
  get isUniform(): boolean {
    const { runners } = this.#model.pieces;
    const count = this.#model.pieces.problem.devices.length;
    return runners.every(
      (device) =>
        new Set(
          runners.flatMap((other) =>
            other === device ? [] : [this.#peers[device * count + other]],
          ),
        ).size <= 1,
    );
  }

  /** @param before devices of the stage in front, and behind it; empty where there is none */
  context(
    members: readonly number[],
    before: readonly number[],
    behind: readonly number[],
  ): Context {
    const key = [members, this.#peersOf(members, before), this.#peersOf(members, behind)].join("|");
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const context = createContext(this.#model, members, before, behind);
    this.#contexts.set(key, context);
    return context;
  }

  /** Seconds with the pieces from `first` to `last`; `Infinity` if the group cannot run them. */
  seconds(context: Context, first: number, last: number): number {
    const at = first * this.#model.count + last;
    const known = context.known[at] as number;
    if (!Number.isNaN(known)) return known;
    const found = this.stage(context, first, last)?.seconds ?? Number.POSITIVE_INFINITY;
    context.known[at] = found;
    return found;
  }

  /** Seconds that `seconds` does not go below. */
  atLeast({ members }: Context, first: number, last: number): number {
    let pace = 0;
    for (const device of members) {
      const work = this.#loads.work(device, first, last);
      if (Number.isFinite(work)) pace += 1 / work;
    }
    return this.#model.leastCover / pace;
  }

  /**
   * The best way found: alone on each member, or shared by the fastest two, three and so on; `null` if
   * the group cannot run the pieces.
   */
  stage(context: Context, first: number, last: number): GroupStage | null {
    const loads = this.#loads;
    let best: GroupStage | null = null;
    context.members.forEach((device, position) => {
      const seconds = loads.alone(context, position, first, last);
      if (!Number.isFinite(seconds) || seconds >= (best?.seconds ?? Number.POSITIVE_INFINITY))
        return;
      best = { seconds, sharers: [], ends: [], lastShared: first - 1, alone: device };
    });
    const reach = this.#model.tiledReach[first] as number;
    if (reach === first || context.members.length === 1) return best;
    return this.#shared(context, first, last, Math.min(reach - 1, last), best);
  }

  #shared(
    context: Context,
    first: number,
    last: number,
    lastShared: number,
    alone: GroupStage | null,
  ): GroupStage | null {
    const { height } = this.#model.rows(lastShared);
    const loads = this.#loads;
    const order = loads.order(context, first, lastShared, last);
    const low = this.atLeast(context, first, last);
    let best = alone;
    const keeper = order[0] as number;
    for (let used = order.length; used > 1; used--) {
      const fastest = order.slice(0, used);
      // Rows at a border need less, so that it matters who has them.
      for (const positions of [fastest, [...fastest].reverse()]) {
        const members = loads.members(context, {
          first,
          lastShared,
          last,
          height,
          positions,
          keeper,
        });
        const found = shareRows(members, height, low, best?.seconds ?? Number.POSITIVE_INFINITY);
        if (found === null) continue;
        const devices = positions.map((position) => context.members[position] as number);
        const alone = context.members[keeper] as number;
        best = { ...compact(devices, found), lastShared, alone };
      }
    }
    return best;
  }

  /** Stages that a device exchanges tensors with in the same way have the same name here. */
  #peersOf(members: readonly number[], others: readonly number[]): string {
    const count = this.#model.pieces.problem.devices.length;
    return members
      .map((device) =>
        [...new Set(others.map((other) => this.#peers[device * count + other]))].sort().join(","),
      )
      .join(";");
  }
}

/** Leaves out members without rows. */
function compact(
  devices: readonly number[],
  { seconds, ends }: { readonly seconds: number; readonly ends: readonly number[] },
): { seconds: number; sharers: number[]; ends: number[] } {
  const has = ends.map((end, position) => end > (ends[position - 1] ?? 0));
  return {
    seconds,
    sharers: devices.filter((_, position) => has[position]),
    ends: ends.filter((_, position) => has[position]),
  };
}

/** At [device · devices + other] the first device that costs the same to exchange tensors with. */
function findPeers({ pieces }: GroupModel): Int32Array {
  const { problem, runners, cuts } = pieces;
  const count = problem.devices.length;
  const peers = new Int32Array(count * count).fill(-1);
  const different = [...new Set(cuts.slice(1))];
  for (const device of runners) {
    const isSame = (one: number, other: number): boolean =>
      different.every(({ send, receive, wire }) =>
        [send, receive, wire].every(
          (costs) =>
            costs[device * count + one] === costs[device * count + other] &&
            costs[one * count + device] === costs[other * count + device],
        ),
      );
    for (const other of runners) {
      if (other === device) continue;
      const alike = runners.find((one) => one !== device && isSame(one, other));
      peers[device * count + other] = alike ?? other;
    }
  }
  return peers;
}
