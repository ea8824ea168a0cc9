import type { NodeProto } from "onnx-buf";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { intsOf } from "../../onnx/attributes.ts";

/** One number for each position of [1, 1, rows, columns], in the bytes of a float32. */
interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly digests: Uint32Array<ArrayBuffer>;
}

/**
 * What a node makes of pictures: at each position a digest of its weights and of exactly those positions
 * that it reads for it, so that one that is missing, stale, shifted or of another request changes all that
 * depend on it, and nothing else. Knows Conv, Add and Slice.
 *
 * @param read a tensor, or the bytes of a parameter
 */
export function digestPicture(node: NodeProto, read: (name: string) => TensorValue): TensorValue {
  const [first = "", second = "", third = "", fourth = ""] = node.input;
  const picture = pictureOf(read(first));
  switch (node.opType) {
    case "Conv":
      return pictureValue(convolve(node, picture, bytesOf(read(second))));
    case "Add":
      return pictureValue(add(picture, pictureOf(read(second))));
    case "Slice":
      return pictureValue(
        slice(
          picture,
          ...([second, third, fourth].map((name) => wholeNumbers(read(name))) as [
            number[],
            number[],
            number[],
          ]),
        ),
      );
    default:
      throw new Error(`node '${node.name}' (${node.opType}) makes no digests of pictures`);
  }
}

const padding = 0x9e3779b9;

function convolve(
  node: NodeProto,
  { rows, columns, digests }: Picture,
  weights: Uint8Array,
): Picture {
  const [high = 1, wide = 1] = intsOf(node, "kernel_shape", [1, 1]);
  const [down = 1, right = 1] = intsOf(node, "strides", [1, 1]);
  const [top = 0, left = 0, bottom = 0, end = 0] = intsOf(node, "pads", [0, 0, 0, 0]);
  const made = pictureWith(
    Math.floor((rows + top + bottom - high) / down) + 1,
    Math.floor((columns + left + end - wide) / right) + 1,
  );
  const seed = weights.reduce(mixed, 1);
  const at = (row: number, column: number): number =>
    row < 0 || row >= rows || column < 0 || column >= columns
      ? padding
      : (digests[row * columns + column] as number);
  for (let position = 0; position < made.digests.length; position++) {
    const row = Math.floor(position / made.columns) * down - top;
    const column = (position % made.columns) * right - left;
    let digest = seed;
    for (let tap = 0; tap < high * wide; tap++) {
      digest = mixed(digest, at(row + Math.floor(tap / wide), column + (tap % wide)));
    }
    made.digests[position] = digest;
  }
  return made;
}

function add(one: Picture, other: Picture): Picture {
  const made = pictureWith(one.rows, one.columns);
  one.digests.forEach((digest, position) => {
    made.digests[position] = mixed(mixed(2, digest), other.digests[position] ?? padding);
  });
  return made;
}

function slice(
  { rows, columns, digests }: Picture,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): Picture {
  const bounds = [
    [0, rows],
    [0, columns],
  ] as [[number, number], [number, number]];
  axes.forEach((axis, at) => {
    bounds[axis === 2 ? 0 : 1] = [starts[at] as number, ends[at] as number];
  });
  const [[top, bottom], [left, right]] = bounds;
  const made = pictureWith(bottom - top, right - left);
  for (let row = top; row < bottom; row++) {
    const start = row * columns;
    made.digests.set(digests.subarray(start + left, start + right), (row - top) * made.columns);
  }
  return made;
}

function mixed(digest: number, value: number): number {
  const product = Math.imul(digest ^ value, 0x85ebca6b);
  return (Math.imul(product ^ (product >>> 13), 0xc2b2ae35) ^ (value >>> 7)) >>> 0;
}

function pictureWith(rows: number, columns: number): Picture {
  return { rows, columns, digests: new Uint32Array(rows * columns) };
}

function pictureOf({ shape, data }: TensorValue): Picture {
  const [, , rows = 0, columns = 0] = shape;
  const own = data.slice();
  if (own.byteLength !== 4 * rows * columns) {
    throw new Error(`a picture of ${rows} × ${columns} has ${own.byteLength} bytes`);
  }
  return { rows, columns, digests: new Uint32Array(own.buffer) };
}

function pictureValue({ rows, columns, digests }: Picture): TensorValue {
  return {
    dataType: "float32",
    shape: [1, 1, rows, columns],
    data: new Uint8Array(digests.buffer),
  };
}

function bytesOf({ data }: TensorValue): Uint8Array {
  return data;
}

/** Of an int64. */
function wholeNumbers({ data }: TensorValue): number[] {
  const own = data.slice();
  return [...new BigInt64Array(own.buffer)].map(Number);
}
