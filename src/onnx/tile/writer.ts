import { create } from "@bufbuild/protobuf";
import { type NodeProto, NodeProtoSchema, type TensorProto } from "onnx-buf";
import { type Region, type Rows, rowCount } from "../../graph/window.ts";
import { attribute, tensor } from "../build-tensor.ts";
import { withFields } from "../message.ts";

/** The nodes and small constants of a tile's part, in the order in which they are written. */
export class TileWriter {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  readonly #opset: number;
  readonly #taken: Set<string>;
  readonly #cropped = new Map<string, string>();
  readonly #numbers = new Map<string, string>();

  /**
   * @param opset version of the standard operators
   * @param taken names of tensors and nodes that there are
   */
  constructor(opset: number, taken: Iterable<string>) {
    this.#opset = opset;
    this.#taken = new Set(taken);
  }

  /** A name that nothing has: that one, or with a number behind. */
  free(wanted: string): string {
    let name = wanted;
    for (let number = 1; this.#taken.has(name); number++) name = `${wanted}_${number}`;
    this.#taken.add(name);
    return name;
  }

  /** Whole numbers as a tensor, one for equal ones. */
  integers(values: readonly number[]): string {
    const key = values.join(",");
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const name = this.free(`tile/${key}`);
    this.#numbers.set(key, name);
    this.constants.push(tensor([values.length], values, "int64", name));
    return name;
  }

  /** Numbers as a tensor of 32-bit floats. */
  floats(shape: readonly number[], values: readonly number[]): string {
    const name = this.free("tile/weights");
    this.constants.push(tensor(shape, values, "float32", name));
    return name;
  }

  /**
   * A region of a tensor of which there is another one; readers that want the same share it.
   *
   * @param held the region that there is
   * @returns the tensor's own name if nothing is left out
   */
  crop(name: string, held: Region, wanted: Region): string {
    if (differing(held, wanted).length === 0) return name;
    const key = `${name} ${describe(wanted)}`;
    const known = this.#cropped.get(key);
    if (known !== undefined) return known;
    const result = this.free(`${name}/${describe(wanted)}`);
    this.#cropped.set(key, result);
    this.#cut(name, result, held, wanted);
    return result;
  }

  /** Writes a node, and a Slice behind it where it makes more than is wanted. */
  write(node: NodeProto, makes: Region, wanted: Region): void {
    const [output = "", ...others] = node.output;
    if (differing(makes, wanted).length === 0) {
      this.nodes.push(node);
      return;
    }
    const larger = this.free(`${output}/larger`);
    this.nodes.push(withFields(node, { output: [larger, ...others] }));
    this.#cut(larger, output, makes, wanted);
  }

  #cut(from: string, to: string, held: Region, wanted: Region): void {
    const axes = differing(held, wanted);
    const starts = axes.map((axis) => (wanted[axis] as Rows).from - (held[axis] as Rows).from);
    const ends = axes.map((axis, at) => (starts[at] as number) + rowCount(wanted[axis] as Rows));
    this.slice(from, to, { axes: axes.map((axis) => axis + 2), starts, ends });
  }

  /** Writes a Slice, its bounds as attributes before version 10 and as inputs since. */
  slice(
    from: string,
    to: string,
    bounds: {
      readonly axes: readonly number[];
      readonly starts: readonly number[];
      readonly ends: readonly number[];
    },
  ): void {
    const { axes, starts, ends } = bounds;
    const name = this.free(`${to}/Slice`);
    const isOld = this.#opset < 10;
    const inputs = isOld ? [] : [starts, ends, axes].map((values) => this.integers(values));
    this.nodes.push(
      create(NodeProtoSchema, {
        name,
        opType: "Slice",
        input: [from, ...inputs],
        output: [to],
        attribute: isOld
          ? Object.entries({ axes, starts, ends }).map(([key, values]) => attribute(key, values))
          : [],
      }),
    );
  }
}

function differing(a: Region, b: Region): number[] {
  const isSame = (axis: number): boolean => {
    const [own, other] = [a[axis] as Rows, b[axis] as Rows];
    return own.from === other.from && own.to === other.to;
  };
  return [...a.keys()].filter((axis) => !isSame(axis));
}

function describe(region: Region): string {
  return `[${region.map(({ from, to }) => `${from}:${to}`).join(",")}]`;
}
