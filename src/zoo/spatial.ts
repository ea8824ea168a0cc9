/**
 * The pieces that convolutional networks are drawn from. Tensors are [batch, channels, rows, columns].
 *
 * @module
 */
import { float } from "../onnx/build-tensor.ts";
import type { Sketch, Value } from "./sketch.ts";

type Pair = number | readonly [number, number];

export interface ConvOptions {
  /** Output channels, already scaled. */
  readonly channels: number;
  readonly kernel: Pair;
  readonly stride?: number;
  /** On each side. */
  readonly pad?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly pad?: number;
  /** Whether a last window that hangs over the border counts. */
  readonly ceil?: boolean;
}

export interface NormOptions {
  readonly epsilon?: number;
  /** Middle of the scales: below 1 where a branch is added to what it started from. */
  readonly gamma?: number;
}

/** Convolution with He-uniform weights. */
export function conv(s: Sketch, x: Value, name: string, options: ConvOptions): Value {
  const { channels, stride = 1, groups = 1, bias = false } = options;
  const kernel = pair(options.kernel);
  const pads = pair(options.pad ?? 0);
  const perGroup = channelsOf(x) / groups;
  const shape = [channels, perGroup, ...kernel];
  const bound = Math.sqrt(6 / (perGroup * kernel[0] * kernel[1]));
  const weights = [s.weight(`${name}.weight`, shape, -bound, bound)];
  if (bias) weights.push(s.weight(`${name}.bias`, [channels], -0.05, 0.05));
  const rows = slid(x.shape[2], kernel[0], stride, 2 * pads[0], false);
  const columns = slid(x.shape[3], kernel[1], stride, 2 * pads[1], false);
  const batch = x.shape[0] ?? 1;
  s.count(batch * channels * perGroup * kernel[0] * kernel[1] * rows * columns);
  return s.node("Conv", name, [x, ...weights], [batch, channels, rows, columns], {
    kernel_shape: kernel,
    strides: [stride, stride],
    pads: [...pads, ...pads],
    dilations: [1, 1],
    group: groups,
  });
}

/** Batch normalisation in inference form, with statistics near 0 and 1. */
export function batchNorm(s: Sketch, x: Value, name: string, options: NormOptions = {}): Value {
  const { epsilon = 1e-5, gamma = 1 } = options;
  const shape = [channelsOf(x)];
  const weights = [
    s.weight(`${name}.weight`, shape, 0.9 * gamma, 1.1 * gamma),
    s.weight(`${name}.bias`, shape, -0.1, 0.1),
    s.weight(`${name}.running_mean`, shape, -0.1, 0.1),
    s.weight(`${name}.running_var`, shape, 0.9, 1.1),
  ];
  return s.node("BatchNormalization", name, [x, ...weights], x.shape, { epsilon: float(epsilon) });
}

export function relu(s: Sketch, x: Value, name: string): Value {
  return s.node("Relu", name, [x], x.shape);
}

/** x · sigmoid(x) as two nodes: `name` and `name.mul`. */
export function silu(s: Sketch, x: Value, name: string): Value {
  return s.node("Mul", `${name}.mul`, [x, s.node("Sigmoid", name, [x], x.shape)], x.shape);
}

export function maxPool(s: Sketch, x: Value, name: string, options: PoolOptions): Value {
  return pool(s, "MaxPool", x, name, options, {});
}

/** Average over the elements inside of the tensor, or with `countPad` over the padding, too. */
export function averagePool(
  s: Sketch,
  x: Value,
  name: string,
  options: PoolOptions & { readonly countPad?: boolean },
): Value {
  return pool(s, "AveragePool", x, name, options, { count_include_pad: options.countPad ? 1 : 0 });
}

function pool(
  s: Sketch,
  operator: string,
  x: Value,
  name: string,
  { kernel, stride, pad = 0, ceil = false }: PoolOptions,
  more: Readonly<Record<string, number>>,
): Value {
  const rows = slid(x.shape[2], kernel, stride, 2 * pad, ceil);
  const columns = slid(x.shape[3], kernel, stride, 2 * pad, ceil);
  return s.node(operator, name, [x], [x.shape[0] ?? 1, channelsOf(x), rows, columns], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    ceil_mode: ceil ? 1 : 0,
    ...more,
  });
}

/**
 * Averages a square tensor down to at most `grid` rows and columns, by equal windows that overlap
 * where the size is no multiple; one that is as small already stays as it is. Stands for the
 * adaptive pooling in front of a classifier whose weights count on a fixed grid: at the variant's
 * own resolution it is the identity there, at a smaller one the classifier shrinks with the grid.
 */
export function averageToGrid(s: Sketch, x: Value, name: string, grid: number): Value {
  const size = x.shape[2] ?? 1;
  if (size <= grid) return x;
  const stride = Math.floor(size / grid);
  return averagePool(s, x, name, { kernel: size - (grid - 1) * stride, stride });
}

/** Average over all rows and columns. */
export function globalAverage(s: Sketch, x: Value, name: string): Value {
  return s.node("GlobalAveragePool", name, [x], [x.shape[0] ?? 1, channelsOf(x), 1, 1]);
}

export function flatten(s: Sketch, x: Value, name: string): Value {
  const [batch = 1, ...rest] = x.shape;
  return s.node("Flatten", name, [x], [batch, rest.reduce((a, b) => a * b, 1)], { axis: 1 });
}

/** Fully connected, [batch, features] to [batch, outputs], with He-uniform weights. */
export function gemm(s: Sketch, x: Value, name: string, outputs: number): Value {
  const [batch = 1, features = 1] = x.shape;
  const bound = Math.sqrt(6 / features);
  const weight = s.weight(`${name}.weight`, [outputs, features], -bound, bound);
  const bias = s.weight(`${name}.bias`, [outputs], -0.05, 0.05);
  s.count(batch * features * outputs);
  return s.node("Gemm", name, [x, weight, bias], [batch, outputs], { transB: 1 });
}

/** The usual end: global average, flatten, one fully connected node of the sketch's classes. */
export function classify(s: Sketch, x: Value, name: string): Value {
  const pooled = globalAverage(s, x, "avgpool");
  return gemm(s, flatten(s, pooled, "flatten"), name, s.options.classes);
}

export function add(s: Sketch, a: Value, b: Value, name: string): Value {
  return s.node("Add", name, [a, b], a.shape);
}

/** Joins channels. */
export function concat(s: Sketch, parts: readonly Value[], name: string): Value {
  const [first] = parts;
  const channels = parts.reduce((sum, part) => sum + channelsOf(part), 0);
  const shape = [first?.shape[0] ?? 1, channels, ...(first?.shape.slice(2) ?? [])];
  return s.node("Concat", name, parts, shape, { axis: 1 });
}

/** The picture that a network reads. */
export function picture(s: Sketch): Value {
  const { batch, resolution } = s.options;
  return s.input("input", "float32", [batch, 3, resolution, resolution]);
}

export function channelsOf(x: Value): number {
  return x.shape[1] ?? 1;
}

function pair(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

/** Positions of a sliding window. */
function slid(
  size: number | undefined,
  kernel: number,
  stride: number,
  pads: number,
  ceil: boolean,
): number {
  const steps = ((size ?? 1) + pads - kernel) / stride;
  return (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
}
