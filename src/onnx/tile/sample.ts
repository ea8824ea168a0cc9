import { create } from "@bufbuild/protobuf";
import { type NodeProto, NodeProtoSchema } from "onnx-buf";
import type { Region, Rows } from "../../graph/window.ts";
import { type AttributeValue, attribute } from "../build-tensor.ts";
import { withFields } from "../message.ts";
import { type Sampling, type Tap, tapsOf } from "../window/samples.ts";
import type { TileWriter } from "./writer.ts";

/** A Resize, what is wanted of it, and the shapes of the whole. */
export interface Resize {
  readonly node: NodeProto;
  readonly made: Region;
  /** What there is of its input. */
  readonly needed: Region;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/**
 * A Resize as sums of single rows and columns of a picture with weights: exactly the positions that are
 * wanted, whatever the ratio. The node itself where all of it is wanted.
 */
export function sample(
  sampling: Sampling,
  { node, made, needed, input, output }: Resize,
  writer: TileWriter,
): readonly [...NodeProto[], NodeProto] {
  const isAll = (region: Region, shape: readonly number[]): boolean =>
    region.every(({ from, to }, axis) => from === 0 && to === shape[axis + 2]);
  if (isAll(made, output) && isAll(needed, input)) return [node];
  const axes = [2, 3].map((axis) => {
    const sizes = { from: input[axis] as number, to: output[axis] as number };
    const [own, held] = [made[axis - 2] as Rows, needed[axis - 2] as Rows];
    const taps = tapsOf(sampling, sizes, own, held);
    return taps === null ? [] : [{ axis, taps, from: held.from }];
  });
  const nodes: NodeProto[] = [];
  let name = node.input[0] ?? "";
  for (const { axis, taps, from } of axes.flat()) {
    name = alongAxis(writer, nodes, { name, axis, taps, from, output: node.output[0] ?? "" });
  }
  const last = nodes.pop() as NodeProto;
  return [...nodes, withFields(last, { name: node.name, output: node.output })];
}

interface Reading {
  readonly name: string;
  readonly axis: number;
  readonly taps: readonly Tap[];
  /** The first position that there is. */
  readonly from: number;
  /** What names are made from. */
  readonly output: string;
}

/** @returns the name of what the last node makes */
function alongAxis(
  writer: TileWriter,
  nodes: NodeProto[],
  { name, axis, taps, from, output }: Reading,
): string {
  const write = (
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string => {
    const made = writer.free(`${output}/${opType}`);
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value));
    nodes.push(
      create(NodeProtoSchema, {
        name: made,
        opType,
        input: [...input],
        output: [made],
        attribute: list,
      }),
    );
    return made;
  };
  const parts = taps.map(({ positions, weights }) => {
    const places = writer.integers(positions.map((position) => position - from));
    const part = write("Gather", [name, places], { axis });
    if (weights === null) return part;
    const shape = axis === 2 ? [weights.length, 1] : [weights.length];
    return write("Mul", [part, writer.floats(shape, weights)]);
  });
  return parts.length === 1 ? (parts[0] as string) : write("Sum", parts);
}
