/**
 * Regions of tensors [batch, channels, height, width] at run time: cut out of a value, and put together
 * from others. All bytes stay as they are, whatever the type of the elements.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { bytesPerElement, type TensorValue } from "./tensor-value.ts";
import { commonRegion, type Region, type Rows, regionSize, rowCount } from "./window.ts";

/** All of a tensor with these numbers of rows and columns. */
export function regionOf(extents: readonly number[]): Region {
  return extents.map((extent) => ({ from: 0, to: extent }));
}

export function isSameRegion(a: Region, b: Region): boolean {
  return (
    a.length === b.length &&
    a.every(({ from, to }, axis) => from === b[axis]?.from && to === b[axis]?.to)
  );
}

/** Whether each position of a region is in one of the others. O(others² · axes) for a grid of them. */
export function isCovered(region: Region, others: readonly Region[]): boolean {
  const [span, ...axes] = region;
  if (span === undefined) return others.length > 0;
  const ends = others.flatMap(([own = nothing]) => [own.from, own.to]);
  const bounds = [...new Set([span.from, span.to, ...ends])]
    .filter((bound) => bound >= span.from && bound <= span.to)
    .sort((a, b) => a - b);
  return bounds.slice(1).every((to, position) => {
    const from = bounds[position] as number;
    const across = others.filter(([own = nothing]) => own.from <= from && own.to >= to);
    return isCovered(
      axes,
      across.map((other) => other.slice(1)),
    );
  });
}

/**
 * The bytes of a region, in a buffer of their own. O(bytes of the region).
 *
 * @param held the region that the value is
 * @throws TENSOR_SHAPE_MISMATCH if it is not, or if the value has no elements of whole bytes
 */
export function cutRegion(value: TensorValue, held: Region, region: Region): TensorValue {
  const cut = emptyRegion(value, held, region);
  copyRegion(value, held, cut, region);
  return cut;
}

/** A region of a tensor that is put together from others: in any order, overlapping, more than once. */
export class Stitching {
  readonly #region: Region;
  /** Regions that have come. */
  readonly #come: Region[] = [];
  #value: TensorValue | null = null;

  constructor(region: Region) {
    this.#region = region;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#value?.data.byteLength ?? 0;
  }

  /**
   * Copies what a value has of the region.
   *
   * @param held the region that the value is
   * @returns the region's value when nothing is missing any more, once; else `null`
   * @throws TENSOR_SHAPE_MISMATCH if the value is not that region, or not of the same tensor
   */
  add(value: TensorValue, held: Region): TensorValue | null {
    if (isCovered(this.#region, this.#come)) return null;
    const whole = this.#value ?? emptyRegion(value, held, this.#region);
    this.#value = whole;
    requireSame(value, held, whole, this.#region);
    copyRegion(value, held, whole, this.#region);
    this.#come.push(held);
    return isCovered(this.#region, this.#come) ? whole : null;
  }
}

const nothing: Rows = { from: 0, to: 0 };

function emptyRegion({ dataType, shape }: TensorValue, held: Region, region: Region): TensorValue {
  requireRegion({ dataType, shape }, held);
  const [batch = 1, channels = 1] = shape;
  const sizes = [batch, channels, ...region.map(rowCount)];
  const width = bytesPerElement(dataType);
  if (width === null) {
    throw mismatch(`a tensor of type ${dataType} cannot be cut: its elements have no whole bytes`);
  }
  const bytes = sizes.reduce((product, size) => product * size, width);
  return { dataType, shape: sizes, data: new Uint8Array(bytes) };
}

function requireRegion({ shape }: Pick<TensorValue, "dataType" | "shape">, held: Region): void {
  const isHeld =
    shape.length === 2 + held.length &&
    held.every((span, axis) => rowCount(span) === shape[2 + axis]);
  if (isHeld) return;
  const spans = held.map(({ from, to }) => `${from} to ${to}`).join(" × ");
  throw mismatch(
    `a tensor [${shape.join(", ")}] was to be the positions ${spans} of a tensor [batch, channels, height, width]`,
  );
}

function requireSame(one: TensorValue, held: Region, value: TensorValue, region: Region): void {
  requireRegion(one, held);
  requireRegion(value, region);
  const isSame =
    one.dataType === value.dataType &&
    one.shape[0] === value.shape[0] &&
    one.shape[1] === value.shape[1];
  if (isSame) return;
  throw mismatch(
    `a region ${one.dataType} [${one.shape.join(", ")}] is none of a tensor ${value.dataType} [${value.shape.join(", ")}]`,
  );
}

/** Copies what two regions have in common, in runs as long as they lie together in both. */
function copyRegion(from: TensorValue, held: Region, to: TensorValue, region: Region): void {
  const common = commonRegion(held, region);
  if (regionSize(common) === 0) return;
  const [rows = nothing, columns = nothing] = common;
  const width = bytesPerElement(from.dataType) ?? 1;
  const planes = (from.shape[0] ?? 1) * (from.shape[1] ?? 1);
  const source = layoutOf(held, width);
  const target = layoutOf(region, width);
  const run = rowCount(columns) * width;
  // Rows of which nothing is left out lie one behind the other.
  const isWide = run === source.rowBytes && run === target.rowBytes;
  const [runs, bytes] = isWide ? [1, run * rowCount(rows)] : [rowCount(rows), run];
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < runs; row++) {
      const start = source.at(plane, rows.from + row, columns.from);
      const end = target.at(plane, rows.from + row, columns.from);
      to.data.set(from.data.subarray(start, start + bytes), end);
    }
  }
}

interface Layout {
  readonly rowBytes: number;
  /** The byte at which a position of the whole tensor stands. */
  at(plane: number, row: number, column: number): number;
}

function layoutOf([rows = nothing, columns = nothing]: Region, width: number): Layout {
  const rowBytes = rowCount(columns) * width;
  const planeBytes = rowCount(rows) * rowBytes;
  return {
    rowBytes,
    at: (plane, row, column) =>
      plane * planeBytes + (row - rows.from) * rowBytes + (column - columns.from) * width,
  };
}

function mismatch(message: string): CodedError {
  return new CodedError("TENSOR_SHAPE_MISMATCH", message);
}
