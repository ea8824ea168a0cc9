/**
 * Which positions of a node's inputs some positions of its output are made from: the arithmetic of tiles.
 * Fused tiles as in DeepThings (Zhao, Barijough and Gerstlauer, 2018) and D3 (Zhang et al., 2021).
 *
 * @module
 */

/**
 * How a node maps positions to positions, one entry for each spatial axis (height first): output o is
 * made from inputs ⌊(o·stride − padBegin) ÷ scale⌋ to ⌊(o·stride − padBegin + (kernel − 1)·dilation) ÷
 * scale⌋. Element-wise nodes have kernels, strides and dilations of 1 and no padding.
 */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Negative where the first positions are left out. */
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
  /** Of what is made larger; left out: 1. */
  readonly scale?: readonly number[];
}

/** Positions along an axis, half-open. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** Positions of a tensor [batch, channels, height, width]: its rows, then its columns. */
export type Region = readonly Rows[];

const none: Rows = { from: 0, to: 0 };

/**
 * The positions of an input that output positions are made from, clipped to what there is: what lies
 * outside is padding. Where there is nothing but padding, the position next to it, and so the only
 * position of an input that is repeated along the axis. Empty if no position is asked for.
 *
 * @param rows of the output
 * @param extent positions of the whole input
 * @param axis 0 for rows, 1 for columns
 */
export function neededRows(
  { kernel, stride, dilation, padBegin, scale }: Window,
  rows: Rows,
  extent: number,
  axis = 0,
): Rows {
  if (rowCount(rows) === 0) return none;
  const [step, before] = [stride[axis] as number, padBegin[axis] as number];
  const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1);
  const part = scale?.[axis] ?? 1;
  const first = Math.floor((rows.from * step - before) / part);
  const last = Math.floor(((rows.to - 1) * step - before + reach) / part);
  return {
    from: Math.min(Math.max(0, first), extent - 1),
    to: Math.max(1, Math.min(extent, last + 1)),
  };
}

/**
 * The same along all axes, of which no one depends on another.
 *
 * @param extents of the whole input
 */
export function neededRegion(window: Window, region: Region, extents: readonly number[]): Region {
  return region.map((rows, axis) => neededRows(window, rows, extents[axis] as number, axis));
}

/** Whether so many rows can be made of an input's: of a last one that is not full, one or none. */
export function fitsWindow(
  { kernel, stride, dilation, padBegin, padEnd, scale }: Window,
  extent: number,
  made: number,
  axis = 0,
): boolean {
  const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
  const padding = (padBegin[axis] as number) + (padEnd[axis] as number);
  const steps = (extent * (scale?.[axis] ?? 1) + padding - reach) / (stride[axis] as number);
  return Math.floor(steps) + 1 <= made && made <= Math.ceil(steps) + 1;
}

/** How many rows; 0 if there are none. */
export function rowCount({ from, to }: Rows): number {
  return Math.max(0, to - from);
}

/** How many positions: rows times columns. */
export function regionSize(region: Region): number {
  return region.reduce((size, rows) => size * rowCount(rows), 1);
}

/** The fewest rows in one piece that hold both. */
export function spanRows(a: Rows, b: Rows): Rows {
  if (rowCount(a) === 0) return b;
  if (rowCount(b) === 0) return a;
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

/** The smallest region that holds both; one that is empty adds nothing. */
export function spanRegion(a: Region, b: Region): Region {
  if (regionSize(a) === 0) return b;
  if (regionSize(b) === 0) return a;
  return a.map((rows, axis) => spanRows(rows, b[axis] as Rows));
}

/** The rows that are in both. */
export function commonRows(a: Rows, b: Rows): Rows {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : none;
}

/** The positions that are in both. */
export function commonRegion(a: Region, b: Region): Region {
  return a.map((rows, axis) => commonRows(rows, b[axis] as Rows));
}
