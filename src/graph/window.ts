/**
 * Which rows of a node's inputs some rows of its output are made from: the arithmetic of tiles.
 * Fused tiles as in DeepThings (Zhao, Barijough and Gerstlauer, 2018) and D3 (Zhang et al., 2021).
 *
 * @module
 */

/**
 * How a node maps positions to positions, one entry for each spatial axis (height first). Element-wise
 * nodes have kernels, strides and dilations of 1 and no padding.
 */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
}

/** Positions along an axis, half-open. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

const none: Rows = { from: 0, to: 0 };

/**
 * The rows of an input that output rows are made from, clipped to what there is: what lies outside
 * is padding. Empty where there is nothing but padding, or no row is asked for.
 *
 * @param rows of the output
 * @param extent rows of the whole input
 */
export function neededRows(
  { kernel, stride, dilation, padBegin }: Window,
  rows: Rows,
  extent: number,
): Rows {
  if (rowCount(rows) === 0) return none;
  const step = stride[0] as number;
  const before = padBegin[0] as number;
  const reach = (dilation[0] as number) * ((kernel[0] as number) - 1) + 1;
  const from = Math.max(0, rows.from * step - before);
  const to = Math.min(extent, (rows.to - 1) * step - before + reach);
  return from < to ? { from, to } : none;
}

/** Whether so many rows can be made of an input's: of a last one that is not full, one or none. */
export function fitsWindow(
  { kernel, stride, dilation, padBegin, padEnd }: Window,
  extent: number,
  made: number,
): boolean {
  const reach = (dilation[0] as number) * ((kernel[0] as number) - 1) + 1;
  const room = extent + (padBegin[0] as number) + (padEnd[0] as number) - reach;
  const steps = room / (stride[0] as number);
  return Math.floor(steps) + 1 <= made && made <= Math.ceil(steps) + 1;
}

/** How many rows; 0 if there are none. */
export function rowCount({ from, to }: Rows): number {
  return Math.max(0, to - from);
}

/** The fewest rows in one piece that hold both. */
export function spanRows(a: Rows, b: Rows): Rows {
  if (rowCount(a) === 0) return b;
  if (rowCount(b) === 0) return a;
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

/** The rows that are in both. */
export function commonRows(a: Rows, b: Rows): Rows {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : none;
}
