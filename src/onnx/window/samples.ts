/**
 * What a Resize reads for each position along one axis, computed as ONNX Runtime does, in 32-bit floats.
 * ONNX operator specification, "Resize".
 *
 * @module
 */
import type { Rows } from "../../graph/window.ts";
import type { Ratio } from "./resize.ts";

/** How a position of the output is placed on the input, and what of its surroundings is taken. */
export interface Sampling {
  readonly mode: "nearest" | "linear" | "cubic";
  /** `coordinate_transformation_mode`. */
  readonly position: string;
  /** `nearest_mode`; `old`: what Upsample does. */
  readonly rounding: string;
  /** `cubic_coeff_a`. */
  readonly sharpness: number;
  /** Whether what lies outside has no weight; else the border is repeated. */
  readonly excludesOutside: boolean;
}

/** One of the positions that are read for each position that is made, and how much it counts. */
export interface Tap {
  readonly positions: readonly number[];
  /** `null`: it is all that counts. */
  readonly weights: readonly number[] | null;
}

/**
 * The numbers of a window: read are ⌊(o·stride − padBegin) ÷ scale⌋ to ⌊(o·stride − padBegin +
 * (kernel − 1)·dilation) ÷ scale⌋.
 */
export interface Step {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly scale: number;
}

/** @param sizes of the axis: `from` positions become `to`; `null` where positions are placed in another way */
export function stepOf({ mode, position, rounding }: Sampling, { from, to }: Ratio): Step | null {
  const place = placeOf(position, from, to);
  if (place === null) return null;
  if (mode === "nearest" && rounding.startsWith("round") && hasMiddle(place, to)) return null;
  const divisor = greatestDivisor(
    greatestDivisor(place.stride, place.scale),
    Math.abs(place.before),
  );
  const [stride, scale, before] = [place.stride, place.scale, place.before].map(
    (value) => value / divisor,
  ) as [number, number, number];
  switch (mode) {
    case "linear":
      return { kernel: 2, stride, dilation: scale, padBegin: before, scale };
    case "cubic":
      return { kernel: 4, stride, dilation: scale, padBegin: before + scale, scale };
    case "nearest":
      // Rounded either way, also where the position is off by the last bit.
      return { kernel: 2, stride, dilation: scale + 1, padBegin: before + 1, scale };
    default:
      return mode satisfies never;
  }
}

/** Whether a position lies just between two: which one the runtime takes hangs on its last bit. */
function hasMiddle({ stride, before, scale }: Place, to: number): boolean {
  const outputs = Array.from({ length: to }, (_, output) => output);
  return outputs.some((output) => (2 * (output * stride - before) - scale) % (2 * scale) === 0);
}

interface Place {
  readonly stride: number;
  readonly before: number;
  readonly scale: number;
}

/** Position o lies at (o·stride − before) ÷ scale. */
function placeOf(position: string, from: number, to: number): Place | null {
  switch (position) {
    case "align_corners":
      if (from === 1 || to === 1) return { stride: 1, before: 0, scale: Math.max(from, to) };
      return { stride: from - 1, before: 0, scale: to - 1 };
    case "asymmetric":
      return { stride: from, before: 0, scale: to };
    case "half_pixel":
    case "half_pixel_symmetric":
      return { stride: 2 * from, before: to - from, scale: 2 * to };
    case "pytorch_half_pixel":
      if (to === 1) return { stride: 1, before: 0, scale: from };
      return { stride: 2 * from, before: to - from, scale: 2 * to };
    default:
      return null;
  }
}

/**
 * What is read for some positions of the output.
 *
 * @param held what there is of the input; what lies outside has no weight but by the last bit
 */
export function tapsOf(
  sampling: Sampling,
  sizes: Ratio,
  made: Rows,
  held: Rows,
): readonly Tap[] | null {
  if (sizes.from === sizes.to) return null;
  const outputs = Array.from({ length: made.to - made.from }, (_, at) => made.from + at);
  const places = outputs.map((output) => placeAt(sampling.position, output, sizes));
  const samples = places.map((place) => sampleAt(sampling, place, sizes));
  const count = samples[0]?.length ?? 0;
  return Array.from({ length: count }, (_, tap) => {
    const own = samples.map((sample) => sample[tap] as readonly [number, number]);
    return {
      positions: own.map(([at]) => Math.min(Math.max(at, held.from), held.to - 1)),
      weights: sampling.mode === "nearest" ? null : own.map(([, weight]) => weight),
    };
  });
}

const { fround } = Math;

function placeAt(position: string, output: number, { from, to }: Ratio): number {
  const scale = fround(to / from);
  const half = (): number => fround(fround(fround(output + 0.5) / scale) - 0.5);
  switch (position) {
    case "align_corners":
      return to === 1 ? 0 : fround(fround(output * (from - 1)) / (to - 1));
    case "asymmetric":
      return fround(output / scale);
    case "pytorch_half_pixel":
      return to === 1 ? 0 : half();
    case "half_pixel_symmetric": {
      const adjustment = fround(to / fround(scale * from));
      const offset = fround((from / 2) * fround(1 - adjustment));
      return fround(fround(offset + fround(fround(output + 0.5) / scale)) - 0.5);
    }
    default:
      return half();
  }
}

/** Positions and weights. */
function sampleAt(
  { mode, rounding, sharpness, excludesOutside }: Sampling,
  place: number,
  sizes: Ratio,
): readonly (readonly [number, number])[] {
  const extent = sizes.from;
  const clip = (at: number): number => Math.min(Math.max(at, 0), extent - 1);
  if (mode === "nearest") return [[clip(rounded(rounding, place, sizes)), 1]];
  if (mode === "linear") {
    const at = clip(place);
    const first = Math.min(Math.floor(at), extent - 1);
    const second = Math.min(first + 1, extent - 1);
    if (first === second) return [[first, 0.5] as const, [second, 0.5] as const];
    return [
      [first, fround(second - at)],
      [second, fround(at - first)],
    ];
  }
  const first = Math.floor(place);
  const weights = cubicWeights(place - first, sharpness);
  const inside = weights.map((weight, tap) => {
    const at = first - 1 + tap;
    return excludesOutside && at !== clip(at) ? 0 : weight;
  });
  const sum = excludesOutside ? inside.reduce((total, weight) => total + weight, 0) : 1;
  return inside.map((weight, tap) => [clip(first - 1 + tap), weight / sum] as const);
}

function rounded(rounding: string, place: number, { from, to }: Ratio): number {
  switch (rounding) {
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    case "round_prefer_ceil":
      return place < 0 ? -Math.round(-place) : Math.round(place);
    case "old":
      return to < from ? Math.ceil(place) : Math.trunc(place);
    default:
      return place === Math.trunc(place) + 0.5 ? Math.floor(place) : Math.round(place);
  }
}

/** Keys, "Cubic convolution interpolation for digital image processing", 1981. */
function cubicWeights(part: number, a: number): readonly number[] {
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(part + 1), near(part), near(1 - part), far(2 - part)];
}

export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
