import type { Sketch, Value } from "./sketch.ts";
import { add, batchNorm, channelsOf, classify, conv, picture } from "./spatial.ts";

/** [expansion, channels, repetitions, stride of the first] */
const stages: readonly (readonly [number, number, number, number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/**
 * MobileNetV2.
 *
 * @see Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018; torchvision
 * `mobilenet_v2`
 */
export function mobilenetv2(s: Sketch): Value {
  let x = unit(s, picture(s), "features.0", { channels: s.channels(32), kernel: 3, stride: 2 });
  let at = 1;
  for (const [expansion, channels, repetitions, first] of stages) {
    for (let index = 0; index < repetitions; index++) {
      const stride = index === 0 ? first : 1;
      x = invertedResidual(s, x, `features.${at}`, expansion, s.channels(channels), stride);
      at += 1;
    }
  }
  x = unit(s, x, `features.${at}`, { channels: s.channels(1280), kernel: 1 });
  return classify(s, x, "classifier.1");
}

function invertedResidual(
  s: Sketch,
  x: Value,
  name: string,
  expansion: number,
  channels: number,
  stride: number,
): Value {
  const hidden = channelsOf(x) * expansion;
  const skipped = stride === 1 && channelsOf(x) === channels;
  let y = x;
  let at = 0;
  if (expansion > 1) {
    y = unit(s, y, `${name}.conv.0`, { channels: hidden, kernel: 1 });
    at = 1;
  }
  y = unit(s, y, `${name}.conv.${at}`, { channels: hidden, kernel: 3, stride, groups: hidden });
  y = conv(s, y, `${name}.conv.${at + 1}`, { channels, kernel: 1 });
  y = batchNorm(s, y, `${name}.conv.${at + 2}`, { gamma: skipped ? 0.4 : 0.8 });
  return skipped ? add(s, x, y, `${name}.add`) : y;
}

interface UnitOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
}

/** Convolution, normalisation and ReLU6, named `name.0` to `name.2`. */
function unit(s: Sketch, x: Value, name: string, options: UnitOptions): Value {
  const made = conv(s, x, `${name}.0`, { ...options, pad: (options.kernel - 1) / 2 });
  const normal = batchNorm(s, made, `${name}.1`);
  const bounds = [s.scalar("relu6.min", 0), s.scalar("relu6.max", 6)];
  return s.node("Clip", `${name}.2`, [normal, ...bounds], normal.shape);
}
