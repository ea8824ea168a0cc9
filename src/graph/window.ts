/**
 * Which rows of a node's inputs some rows of its output are made from: the arithmetic of tiles.
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

/**
 * The rows of an input that output rows are made from, clipped to what there is: what lies outside
 * is padding.
 *
 * @param rows of the output, at least one
 * @param extent rows of the whole input
 */
export function neededRows(
  { kernel, stride, dilation, padBegin }: Window,
  rows: Rows,
  extent: number,
): Rows {
  const step = stride[0] as number;
  const before = padBegin[0] as number;
  const reach = (dilation[0] as number) * ((kernel[0] as number) - 1) + 1;
  return {
    from: Math.max(0, rows.from * step - before),
    to: Math.min(extent, (rows.to - 1) * step - before + reach),
  };
}
