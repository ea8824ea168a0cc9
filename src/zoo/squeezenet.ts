import type { Sketch, Value } from "./sketch.ts";
import { concat, conv, flatten, globalAverage, maxPool, picture, relu } from "./spatial.ts";

/** Squeeze and expand channels of the fire modules by position in `features`; null is a pooling. */
const features: readonly (readonly [number, number] | null)[] = [
  null,
  [16, 64],
  [16, 64],
  null,
  [32, 128],
  [32, 128],
  null,
  [48, 192],
  [48, 192],
  [64, 256],
  [64, 256],
];

/**
 * SqueezeNet 1.1.
 *
 * @see Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and < 0.5 MB
 * model size", 2016; torchvision `squeezenet1_1`
 */
export function squeezenet(s: Sketch): Value {
  const stem = { channels: s.channels(64), kernel: 3, stride: 2, bias: true };
  let x = relu(s, conv(s, picture(s), "features.0", stem), "features.1");
  features.forEach((fire, index) => {
    const name = `features.${index + 2}`;
    x =
      fire === null
        ? maxPool(s, x, name, { kernel: 3, stride: 2, ceil: true })
        : fireModule(s, x, name, s.channels(fire[0]), s.channels(fire[1]));
  });
  x = conv(s, x, "classifier.1", { channels: s.options.classes, kernel: 1, bias: true });
  x = globalAverage(s, relu(s, x, "classifier.2"), "classifier.3");
  return flatten(s, x, "flatten");
}

function fireModule(s: Sketch, x: Value, name: string, squeeze: number, expand: number): Value {
  const reduced = conv(s, x, `${name}.squeeze`, { channels: squeeze, kernel: 1, bias: true });
  const squeezed = relu(s, reduced, `${name}.squeeze_activation`);
  const branches = [1, 3].map((kernel) => {
    const branch = `${name}.expand${kernel}x${kernel}`;
    const pad = (kernel - 1) / 2;
    const expanded = conv(s, squeezed, branch, { channels: expand, kernel, pad, bias: true });
    return relu(s, expanded, `${branch}_activation`);
  });
  return concat(s, branches, `${name}.concat`);
}
