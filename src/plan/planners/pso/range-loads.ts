import type { HopCosts } from "../exact-pieces/hops.ts";
import type { Context } from "./context.ts";
import type { GroupModel } from "./group-model.ts";
import { type Interval, RowWork, type SharedRun } from "./row-work.ts";
import type { Member } from "./shares.ts";

/** What runs of pieces load their devices with. */
export class RangeLoads {
  readonly #model: GroupModel;
  readonly #rows: RowWork;

  constructor(model: GroupModel) {
    this.#model = model;
    this.#rows = new RowWork(model);
  }

  /** Seconds that a device computes for some pieces; `Infinity` if it cannot. */
  work(device: number, first: number, last: number): number {
    if ((this.#model.ableReach[device]?.[first] as number) <= last) return Number.POSITIVE_INFINITY;
    const sums = this.#model.pieces.seconds[device] as Float64Array;
    return (sums[last + 1] as number) - (sums[first] as number);
  }

  /** The load of one member that runs all by itself, or of its links. */
  alone(context: Context, position: number, first: number, last: number): number {
    const device = context.members[position] as number;
    if ((this.#model.pieces.reach[device]?.[first] as number) <= last)
      return Number.POSITIVE_INFINITY;
    const inward = context.inward[position];
    const out = this.#out(context, position, last);
    const own = this.work(device, first, last) + (inward?.own[first] ?? 0) + out.own;
    return Math.max(own + this.#ends(device, first, last), inward?.wire[first] ?? 0, out.wire);
  }

  /** Positions of members that can share a run: who runs the rest best, then the fastest first. */
  order({ members }: Context, first: number, lastShared: number, last: number): number[] {
    const seconds = (position: number, from: number, to: number): number =>
      this.work(members[position] as number, from, to);
    const able = [...members.keys()]
      .filter((position) => Number.isFinite(seconds(position, first, lastShared)))
      .sort((a, b) => seconds(a, first, lastShared) - seconds(b, first, lastShared) || a - b);
    if (lastShared === last) return able;
    const rest = (position: number): number => seconds(position, lastShared + 1, last);
    const ready = able.filter((position) => Number.isFinite(rest(position)));
    const keeper = ready.reduce<number | null>(
      (best, position) => (best === null || rest(position) < rest(best) ? position : best),
      null,
    );
    return keeper === null ? [] : [keeper, ...able.filter((position) => position !== keeper)];
  }

  /** What each of some members is loaded with by its rows. */
  members(context: Context, run: SharedRun): Member[] {
    return run.positions.map((_, rank) => this.#member(context, run, rank));
  }

  #member(context: Context, run: SharedRun, rank: number): Member {
    const { first, lastShared, last, height, positions } = run;
    const { cuts, problem } = this.#model.pieces;
    const position = positions[rank] as number;
    const device = context.members[position] as number;
    const others = positions.flatMap((other) =>
      other === position ? [] : [context.members[other] as number],
    );
    const at = (from: number, to: number): number => from * problem.devices.length + to;
    const most = (costs: (other: number) => number | undefined): number =>
      others.reduce((largest, other) => Math.max(largest, costs(other) ?? 0), 0);
    const rest = lastShared < last;
    const keepsRest = rest && position === run.keeper;
    const behind = cuts[lastShared + 1];
    const keeper = context.members[run.keeper] as number;
    const inward = { ...portOf(context.inward[position], first) };
    const outward = rest
      ? {
          own: keepsRest ? 0 : (behind?.send[at(device, keeper)] ?? 0),
          wire: keepsRest ? 0 : (behind?.wire[at(device, keeper)] ?? 0),
        }
      : this.#out(context, position, last);
    let idle = this.#ends(device, first, last);
    if (keepsRest) {
      const gathered = most((other) => behind?.receive[at(other, device)]);
      const out = this.#out(context, position, last);
      idle += this.work(device, lastShared + 1, last) + out.own + gathered;
      outward.own -= gathered;
    }
    const isSource = device === problem.source && first === 0;
    const sent = isSource ? most((other) => cuts[0]?.send[at(device, other)]) : 0;
    const { answer } = this.#model.pieces;
    if (device === problem.sink && last === this.#model.count - 1 && !rest) {
      const received = most((other) => answer?.receive[at(other, device)]);
      idle += received;
      outward.own -= received;
    }
    const rows = this.#rows.of(device, first, lastShared);
    const { input } = rows;
    const fits = this.#rows.room(device, run, keepsRest);
    const load = (from: number, to: number): number => {
      if (fits !== null && !fits(from, to)) return Number.POSITIVE_INFINITY;
      const part = (to - from) / height;
      const read = Math.max(0, (input.to[to - 1] as number) - (input.from[from] as number));
      const work = (rows.to[to - 1] as number) - (rows.from[from] as number);
      const given = sent === 0 ? 0 : sent * readByOthers(input, from, to);
      const own = idle + work + read * inward.own + part * outward.own + given;
      return Math.max(own, read * inward.wire, part * outward.wire);
    };
    return { load, idle: idle + sent };
  }

  /** Tensors behind a piece on their way to the next stage, or to the sink. */
  #out(context: Context, position: number, last: number): { own: number; wire: number } {
    const { answer, cuts, problem } = this.#model.pieces;
    if (last + 1 < cuts.length) return portOf(context.outward[position], last + 1);
    const device = context.members[position] as number;
    if (answer === null || problem.sink === null || problem.sink === device)
      return { own: 0, wire: 0 };
    const at = device * problem.devices.length + problem.sink;
    return { own: answer.send[at] ?? 0, wire: answer.wire[at] ?? 0 };
  }

  /** What source and sink have to do besides where they run neither the first nor the last piece. */
  #ends(device: number, first: number, last: number): number {
    const { answer, cuts, problem } = this.#model.pieces;
    const { source, sink } = problem;
    const sends = device === source && first > 0 ? leastOf(cuts[0], "leastSend", device) : 0;
    const receives =
      device === sink && last + 1 < cuts.length ? leastOf(answer, "leastReceive", device) : 0;
    return sends + receives;
  }
}

/** What members with the rows before and behind read, in parts of the inputs, halos included. */
function readByOthers({ from: starts, to: ends }: Interval, from: number, to: number): number {
  const before = from > 0 ? (ends[from - 1] as number) - (starts[0] as number) : 0;
  const behind = to < ends.length ? (ends.at(-1) as number) - (starts[to] as number) : 0;
  return before + behind;
}

function portOf(
  ports: { readonly own: Float64Array; readonly wire: Float64Array } | undefined,
  cut: number,
): { own: number; wire: number } {
  return { own: ports?.own[cut] ?? 0, wire: ports?.wire[cut] ?? 0 };
}

function leastOf(
  costs: HopCosts | null | undefined,
  which: "leastSend" | "leastReceive",
  device: number,
): number {
  const seconds = costs?.[which][device] ?? 0;
  return Number.isFinite(seconds) ? seconds : 0;
}
