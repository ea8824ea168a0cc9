import { divide } from "../../../graph/grid.ts";
import type { Rows } from "../../../graph/window.ts";
import type { Holding } from "./chain-costs.ts";

/** Members beside each other: the row behind their last, and the column behind the last of each. */
interface Band {
  readonly end: number;
  readonly devices: readonly number[];
  readonly rights: readonly number[];
}

/**
 * Members in bands, one below the other, of two numbers at most; the members of a band beside each
 * other. Rows and columns in proportion to the members' paces.
 *
 * @param pace how much of it a device makes in a second
 */
export function* gridsOf(
  devices: readonly number[],
  height: number,
  width: number,
  pace: (device: number) => number,
): Generator<Holding> {
  const paces = devices.map(pace);
  if (devices.length < 3 || !paces.every((own) => own > 0 && Number.isFinite(own))) return;
  for (let count = 2; count <= Math.ceil(devices.length / 2); count++) {
    const sizes = divide(devices.length, count).map(({ from, to }) => to - from);
    const orders = sizes[0] === sizes.at(-1) ? [sizes] : [sizes, sizes.toReversed()];
    for (const order of orders) yield* laidOut(devices, order, paces, height, width);
  }
}

function* laidOut(
  devices: readonly number[],
  sizes: readonly number[],
  paces: readonly number[],
  height: number,
  width: number,
): Generator<Holding> {
  let taken = 0;
  const groups = sizes.map((size) => {
    taken += size;
    return { devices: devices.slice(taken - size, taken), paces: paces.slice(taken - size, taken) };
  });
  const rows = divide(
    height,
    groups.map((group) => group.paces.reduce((sum, own) => sum + own, 0)),
  );
  yield* allowed(
    groups.map((group, band) => ({
      end: rows[band]?.to ?? height,
      devices: group.devices,
      rights: divide(width, group.paces).map(({ to }) => to),
    })),
  );
}

/** A grid's members with borders a little different, or two that change places. */
export function* neighboursOfGrid(
  holding: Holding,
  height: number,
  width: number,
): Generator<Holding> {
  const bands = bandsOf(holding);
  for (let step = 1; step <= Math.max(1, height / 8); step *= 2) {
    for (const way of [-step, step]) {
      for (let band = 0; band + 1 < bands.length; band++) {
        yield* allowed(moved(bands, band, (own) => ({ ...own, end: own.end + way })));
      }
    }
  }
  for (let step = 1; step <= Math.max(1, width / 8); step *= 2) {
    for (const way of [-step, step]) {
      for (const [band, { rights }] of bands.entries()) {
        for (let at = 0; at + 1 < rights.length; at++) {
          const turned = rights.with(at, (rights[at] as number) + way);
          yield* allowed(moved(bands, band, (own) => ({ ...own, rights: turned })));
        }
      }
    }
  }
  const { devices } = holding;
  for (let one = 0; one < devices.length; one++) {
    for (let other = one + 1; other < devices.length; other++) {
      const swapped = devices
        .with(one, devices[other] as number)
        .with(other, devices[one] as number);
      yield { ...holding, devices: swapped };
    }
  }
}

/** The same members with the same parts of other rows and columns; `null` where these are too few. */
export function scaledGrid(holding: Holding, height: number, width: number): Holding | null {
  const bands = bandsOf(holding);
  const oldHeight = bands.at(-1)?.end as number;
  const oldWidth = bands[0]?.rights.at(-1) as number;
  const [found] = allowed(
    bands.map(({ end, devices, rights }) => ({
      end: Math.round((end * height) / oldHeight),
      devices,
      rights: rights.map((right) => Math.round((right * width) / oldWidth)),
    })),
  );
  return found ?? null;
}

function moved(bands: readonly Band[], at: number, change: (band: Band) => Band): Band[] {
  return bands.map((band, position) => (position === at ? change(band) : band));
}

function bandsOf({ devices, ends, columns = [] }: Holding): Band[] {
  const bands: { end: number; devices: number[]; rights: number[] }[] = [];
  ends.forEach((end, member) => {
    const isNew = bands.at(-1)?.end !== end;
    const band = isNew ? { end, devices: [], rights: [] } : (bands.at(-1) as (typeof bands)[0]);
    if (isNew) bands.push(band);
    band.devices.push(devices[member] as number);
    band.rights.push((columns[member] as Rows).to);
  });
  return bands;
}

/** The bands as a way to share, if no member is without rows or columns. */
function* allowed(bands: readonly Band[]): Generator<Holding> {
  const isRising = (ends: readonly number[]): boolean =>
    ends.every((end, position) => end > (ends[position - 1] ?? 0));
  if (!isRising(bands.map(({ end }) => end))) return;
  if (!bands.every(({ rights, devices }) => rights.length === devices.length && isRising(rights))) {
    return;
  }
  yield {
    devices: bands.flatMap(({ devices }) => devices),
    ends: bands.flatMap(({ end, devices }) => devices.map(() => end)),
    columns: bands.flatMap(({ rights }) =>
      rights.map((to, member): Rows => ({ from: rights[member - 1] ?? 0, to })),
    ),
  };
}
