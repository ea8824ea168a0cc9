import { type Member, shareRows } from "../pso/shares.ts";
import type { ChainStep } from "./chain.ts";
import type { ChainCosts, Holding } from "./chain-costs.ts";
import { neighboursOfGrid, scaledGrid } from "./grids.ts";

/** By cut: ways to share what is made in front of it. */
export type Candidates = readonly (readonly Holding[])[];

/** Every order of every two or more devices, and all their shares of some rows. Exponential in both. */
export function* everyHolding(devices: readonly number[], height: number): Generator<Holding> {
  for (const order of everyOrder(devices)) {
    if (order.length < 2) continue;
    for (const cuts of ascending(1, height - 1, order.length - 1)) {
      yield { devices: order, ends: [...cuts, height] };
    }
  }
}

/** How many holdings there are. */
export function countHoldings(devices: number, height: number): number {
  let total = 0;
  let orders = devices;
  let shares = 1;
  for (let members = 2; members <= Math.min(devices, height); members++) {
    orders *= devices - members + 1;
    shares *= (height - members + 1) / (members - 1);
    total += orders * shares;
  }
  return total;
}

/**
 * Shares by which the members of a group, in their order, are ready at the same time: by bisection.
 *
 * @param home who has what the run reads; `null`: everybody
 * @returns `null` where they cannot run the pieces, or only one of them would
 */
export function shareOut(
  costs: ChainCosts,
  first: number,
  end: number,
  devices: readonly number[],
  home: number | null,
): Holding | null {
  const { height } = costs.model.rows(end - 1);
  if (height < devices.length) return null;
  const members = devices.map((device): Member => {
    const load = (from: number, to: number): number => {
      const own = costs.member(first, end, device, from, to);
      return home === null ? own : own + costs.fetch(first, home, end, device, from, to);
    };
    return { load, idle: 0 };
  });
  const found = shareRows(members, height, 0, Number.POSITIVE_INFINITY);
  return found === null ? null : compact({ devices, ends: found.ends });
}

/** Shares and members a little different from those of a chain's shared steps. */
export function* neighboursOf(
  costs: ChainCosts,
  { holding, end }: ChainStep,
  others: readonly number[],
): Generator<Holding> {
  const { devices, ends } = holding;
  const height = costs.height(end);
  if (holding.columns !== undefined) {
    yield* neighboursOfGrid(holding, height, costs.width(end));
    return;
  }
  for (let step = 1; step <= Math.max(1, height / 4); step *= 2) {
    for (const way of [-step, step]) {
      for (let member = 0; member + 1 < ends.length; member++) {
        yield* allowed(
          devices,
          moved(ends, height, (at) => (at === member ? way : 0)),
        );
      }
      yield* allowed(
        devices,
        moved(ends, height, () => way),
      );
    }
  }
  for (let member = 0; member < devices.length; member++) {
    if (devices.length > 2) {
      const fewer = devices.filter((_, at) => at !== member);
      const kept = ends.filter((_, at) => at !== (member + 1 < ends.length ? member : member - 1));
      yield* allowed(fewer, kept);
    }
    for (const other of others) {
      if (devices.includes(other)) continue;
      yield* allowed(devices.with(member, other), ends);
      yield* allowed(...halved(devices, ends, member, other));
    }
    for (let partner = member + 1; partner < devices.length; partner++) {
      const swapped = devices
        .with(member, devices[partner] as number)
        .with(partner, devices[member] as number);
      yield* allowed(swapped, ends);
      yield* allowed(swapped, widthsOf(ends, member, partner));
    }
  }
}

/** The same members with the same parts of other rows and columns; `null` where these are too few. */
export function scaled(holding: Holding, height: number, width: number): Holding | null {
  const { devices, ends, columns } = holding;
  if (columns !== undefined) return scaledGrid(holding, height, width);
  const all = ends.at(-1) as number;
  const cuts = ends.map((end) => Math.round((end * height) / all));
  return compact({ devices, ends: cuts });
}

/** Two holdings are the same exactly if these are. */
export function keyOf({ devices, ends, columns = [] }: Holding): string {
  return `${devices.join(",")}|${ends.join(",")}|${columns.map(({ to }) => to).join(",")}`;
}

/** Without members that have no rows; `null` if only one is left. */
function compact({ devices, ends }: Holding): Holding | null {
  const has = ends.map((end, member) => end > (ends[member - 1] ?? 0));
  const members = devices.filter((_, member) => has[member]);
  if (members.length < 2) return null;
  return { devices: members, ends: ends.filter((_, member) => has[member]) };
}

function* allowed(devices: readonly number[], ends: readonly number[]): Generator<Holding> {
  if (ends.every((end, member) => end > (ends[member - 1] ?? 0))) yield { devices, ends };
}

function moved(ends: readonly number[], height: number, by: (at: number) => number): number[] {
  return ends.map((end, at) => (at === ends.length - 1 ? height : end + by(at)));
}

/** Another device takes half of a member's rows. */
function halved(
  devices: readonly number[],
  ends: readonly number[],
  member: number,
  other: number,
): [number[], number[]] {
  const half = Math.floor(((ends[member - 1] ?? 0) + (ends[member] as number)) / 2);
  return [devices.toSpliced(member + 1, 0, other), ends.toSpliced(member, 0, half)];
}

/** The ends where two members keep their numbers of rows and change places. */
function widthsOf(ends: readonly number[], one: number, other: number): number[] {
  const widths = ends.map((end, member) => end - (ends[member - 1] ?? 0));
  const swapped = widths.with(one, widths[other] as number).with(other, widths[one] as number);
  let sum = 0;
  return swapped.map((width) => {
    sum += width;
    return sum;
  });
}

function* everyOrder(items: readonly number[]): Generator<number[]> {
  yield [];
  for (const first of items) {
    for (const rest of everyOrder(items.filter((item) => item !== first))) yield [first, ...rest];
  }
}

function* ascending(least: number, most: number, count: number): Generator<number[]> {
  if (count === 0) yield [];
  else {
    for (let first = least; first <= most; first++) {
      for (const rest of ascending(first + 1, most, count - 1)) yield [first, ...rest];
    }
  }
}
