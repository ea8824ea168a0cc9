import type { Sketch, Value } from "./sketch.ts";
import {
  add,
  batchNorm,
  channelsOf,
  classify,
  conv,
  globalAverage,
  picture,
  silu,
} from "./spatial.ts";

/** [expansion, kernel, stride of the first, channels, repetitions] */
const stages: readonly (readonly [number, number, number, number, number])[] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];

/** SiLU and the gate of squeeze-and-excitation shrink what passes; these scales keep it alive. */
const activeGamma = 1.05;
const projectedGamma = 1.45;
const branchGamma = 0.5;

/**
 * EfficientNet-B0, SiLU as Sigmoid and Mul.
 *
 * @see Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019;
 * torchvision `efficientnet_b0`
 */
export function efficientnetb0(s: Sketch): Value {
  let x = unit(s, picture(s), "features.0", { channels: s.channels(32), kernel: 3, stride: 2 });
  stages.forEach(([expansion, kernel, first, channels, repetitions], stage) => {
    for (let index = 0; index < repetitions; index++) {
      const name = `features.${stage + 1}.${index}.block`;
      const stride = index === 0 ? first : 1;
      x = block(s, x, name, { expansion, kernel, stride, channels: s.channels(channels) });
    }
  });
  x = unit(s, x, "features.8", { channels: s.channels(1280), kernel: 1 });
  return classify(s, x, "classifier.1");
}

interface BlockOptions {
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  readonly channels: number;
}

/** Expand, depthwise, squeeze-and-excitation, project; added to its input where the shape stays. */
function block(s: Sketch, x: Value, name: string, options: BlockOptions): Value {
  const { expansion, kernel, stride, channels } = options;
  const hidden = channelsOf(x) * expansion;
  const skipped = stride === 1 && channelsOf(x) === channels;
  let y = x;
  let at = 0;
  if (expansion > 1) {
    y = unit(s, y, `${name}.0`, { channels: hidden, kernel: 1 });
    at = 1;
  }
  y = unit(s, y, `${name}.${at}`, { channels: hidden, kernel, stride, groups: hidden });
  y = excite(s, y, `${name}.${at + 1}`, Math.max(1, Math.floor(channelsOf(x) / 4)));
  y = conv(s, y, `${name}.${at + 2}.0`, { channels, kernel: 1 });
  const gamma = skipped ? branchGamma : projectedGamma;
  y = batchNorm(s, y, `${name}.${at + 2}.1`, { gamma });
  return skipped ? add(s, y, x, `${name}.add`) : y;
}

/** Weighs each channel by what the whole picture says. */
function excite(s: Sketch, x: Value, name: string, squeezed: number): Value {
  const mean = globalAverage(s, x, `${name}.avgpool`);
  const narrow = conv(s, mean, `${name}.fc1`, { channels: squeezed, kernel: 1, bias: true });
  const active = silu(s, narrow, `${name}.activation`);
  const channels = channelsOf(x);
  const wide = conv(s, active, `${name}.fc2`, { channels, kernel: 1, bias: true });
  const gate = s.node("Sigmoid", `${name}.scale_activation`, [wide], wide.shape);
  return s.node("Mul", `${name}.scale`, [x, gate], x.shape);
}

interface UnitOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
}

/** Convolution, normalisation and SiLU, named `name.0`, `name.1`, `name.2` and `name.2.mul`. */
function unit(s: Sketch, x: Value, name: string, options: UnitOptions): Value {
  const made = conv(s, x, `${name}.0`, { ...options, pad: (options.kernel - 1) / 2 });
  return silu(s, batchNorm(s, made, `${name}.1`, { gamma: activeGamma }), `${name}.2`);
}
