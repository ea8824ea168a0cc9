import type { Sketch, Value } from "./sketch.ts";
import { averageToGrid, conv, flatten, gemm, maxPool, picture, relu } from "./spatial.ts";

/** [position in `features`, channels, kernel, stride, pad, whether a pooling follows] */
const convolutions: readonly (readonly [number, number, number, number, number, boolean])[] = [
  [0, 64, 11, 4, 2, true],
  [3, 192, 5, 1, 2, true],
  [6, 384, 3, 1, 1, false],
  [8, 256, 3, 1, 1, false],
  [10, 256, 3, 1, 1, true],
];

/**
 * AlexNet in the one-tower form without local response normalisation. The classifier reads a grid
 * of 6 × 6, or what is left of it at resolutions under 224.
 *
 * @see Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014;
 * torchvision `alexnet`
 */
export function alexnet(s: Sketch): Value {
  let x = picture(s);
  for (const [at, channels, kernel, stride, pad, pooled] of convolutions) {
    const options = { channels: s.channels(channels), kernel, stride, pad, bias: true };
    x = relu(s, conv(s, x, `features.${at}`, options), `features.${at + 1}`);
    if (pooled) x = maxPool(s, x, `features.${at + 2}`, { kernel: 3, stride: 2 });
  }
  x = flatten(s, averageToGrid(s, x, "avgpool", 6), "flatten");
  x = relu(s, gemm(s, x, "classifier.1", s.channels(4096)), "classifier.2");
  x = relu(s, gemm(s, x, "classifier.4", s.channels(4096)), "classifier.5");
  return gemm(s, x, "classifier.6", s.options.classes);
}
