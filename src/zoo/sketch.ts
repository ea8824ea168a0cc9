/**
 * A network of the zoo while it is drawn: an ONNX builder that also knows shapes, makes seeded
 * weights and counts multiply-adds.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { elementCount } from "../graph/tensor-value.ts";
import { createBuilder } from "../onnx/build.ts";
import type { AttributeValue } from "../onnx/build-tensor.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { uniform } from "./weights.ts";

/** The longest array of bytes of Node 20. */
const largestWeightBytes = 2 ** 32;

export interface ZooOptions {
  /** `open`: so many as whoever runs it likes. Default 1. */
  readonly batch?: number | "open";
  /** Rows and columns of the picture; for BERT the tokens of the text. Default: the variant's. */
  readonly resolution?: number;
  /** Factor on all channel counts, rounded to multiples of 8, at least 8. Default 1. */
  readonly width?: number;
  /** Whole number that all weights follow from. Default 1. */
  readonly seed?: number;
  /** Transformer blocks. Default 12; pictures' convolutional networks have none. */
  readonly blocks?: number;
  /** Default 1000; BERT has none. */
  readonly classes?: number;
  /** Leaves out the data of weights of 1 KiB or more: enough to look at nodes, shapes and sizes. */
  readonly skeleton?: boolean;
}

/** A tensor with its shape. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What drawing a network gives. */
export interface Drawing {
  readonly model: OnnxModel;
  /** Of convolutions and matrix products (those of attention, too) for the whole batch, or for 1 where it is open. */
  readonly multiplyAdds: number;
  /** Shapes of all tensors that nodes make, at a batch of 1 where it is open. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

export interface Sketch {
  /** The batch is 1 where it is open. */
  readonly options: Required<ZooOptions> & { readonly batch: number };
  /** Whether the first dimension, which is the batch, has any size when the model runs. */
  readonly isOpen: boolean;
  /** A published channel count times the width. */
  channels(published: number): number;
  input(name: string, dataType: string, shape: readonly number[]): Value;
  /** A trainable weight, uniform in [low, high). */
  weight(name: string, shape: readonly number[], low: number, high: number): string;
  /** A float of the architecture, `constant.NAME`; one tensor however often it is asked for. */
  scalar(name: string, value: number): string;
  /** Whole numbers of the architecture such as a shape, `constant.NAME`; likewise. */
  integers(name: string, shape: readonly number[], values: readonly number[]): string;
  /** Adds a node; `inputs` are tensors or weights. */
  node(
    operator: string,
    name: string,
    inputs: readonly (Value | string)[],
    shape: readonly number[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): Value;
  count(multiplyAdds: number): void;
}

/**
 * Draws a network.
 *
 * @throws USAGE_INVALID if an option is out of range or the resolution too small for the network
 */
export function draw(
  name: string,
  given: ZooOptions,
  defaults: { readonly resolution: number; readonly blocks: number },
  write: (sketch: Sketch) => Value,
): Drawing {
  const isOpen = given.batch === "open";
  const options = resolve(name, given, defaults);
  const declared = (shape: readonly number[]) => (isOpen ? ["batch", ...shape.slice(1)] : shape);
  const { seed, skeleton, width } = options;
  const builder = createBuilder({ name });
  const shapes = new Map<string, readonly number[]>();
  const known = new Set<string>();
  let multiplyAdds = 0;
  const constant = (
    weight: string,
    shape: readonly number[],
    values: readonly number[],
    dataType: string,
  ): string => {
    const full = `constant.${weight}`;
    if (!known.has(full)) builder.weight(full, shape, values, dataType);
    known.add(full);
    return full;
  };
  const sketch: Sketch = {
    options,
    isOpen,
    channels: (published) =>
      width === 1 ? published : Math.max(8, Math.round((published * width) / 8) * 8),
    input: (input, dataType, shape) => {
      return { name: builder.input(input, dataType, declared(shape)), shape };
    },
    weight: (weight, shape, low, high) => {
      const count = elementCount(shape);
      if (4 * count > largestWeightBytes) throw tooLarge(name, weight, shape);
      if (skeleton && count >= 256) return builder.declareWeight(weight, shape, "float32");
      return builder.weight(weight, shape, uniform(seed, weight, count, low, high));
    },
    scalar: (weight, value) => constant(weight, [], [value], "float32"),
    integers: (weight, shape, values) => constant(weight, shape, values, "int64"),
    node: (operator, node, inputs, shape, attributes = {}) => {
      checkSizes(name, node, shape, options.resolution);
      const names = inputs.map((one) => (typeof one === "string" ? one : one.name));
      const output = builder.node(operator, names, { name: node, attributes });
      shapes.set(output, shape);
      return { name: output, shape };
    },
    count: (more) => {
      multiplyAdds += more;
    },
  };
  const last = write(sketch);
  builder.output(last.name, "float32", declared(last.shape));
  return { model: builder.build(), multiplyAdds, shapes };
}

function resolve(
  name: string,
  given: ZooOptions,
  defaults: { readonly resolution: number; readonly blocks: number },
): Sketch["options"] {
  const batch = given.batch === "open" ? 1 : (given.batch ?? 1);
  const { resolution = defaults.resolution, width = 1, seed = 1 } = given;
  const { blocks = defaults.blocks, classes = 1000, skeleton = false } = given;
  for (const [option, value] of Object.entries({ batch, resolution, blocks, classes })) {
    const least = option === "blocks" ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw invalid(name, option, value, `a whole number of at least ${least}`);
    }
  }
  if (!(width > 0 && width <= 16)) throw invalid(name, "width", width, "above 0 and at most 16");
  if (!Number.isSafeInteger(seed)) throw invalid(name, "seed", seed, "a whole number");
  return { batch, resolution, width, seed, blocks, classes, skeleton };
}

function invalid(name: string, option: string, value: number, expected: string): CodedError {
  return new CodedError(
    "USAGE_INVALID",
    `zoo network '${name}': option ${option} is ${value}, expected ${expected}`,
    { network: name, option, value },
  );
}

function tooLarge(name: string, weight: string, shape: readonly number[]): CodedError {
  return new CodedError(
    "USAGE_INVALID",
    `zoo network '${name}': weight '${weight}' of shape [${shape.join(", ")}] takes ${4 * elementCount(shape)} bytes, at most ${largestWeightBytes} can be made; take a smaller width, resolution or number of classes`,
    { network: name, weight, shape },
  );
}

function checkSizes(
  name: string,
  node: string,
  shape: readonly number[],
  resolution: number,
): void {
  if (shape.every((size) => size >= 1)) return;
  throw new CodedError(
    "USAGE_INVALID",
    `zoo network '${name}': resolution ${resolution} leaves nothing at node '${node}' (shape [${shape.join(", ")}]); take a larger one`,
    { network: name, node, resolution },
  );
}
