import type { Sketch, Value } from "./sketch.ts";
import { averageToGrid, conv, flatten, gemm, maxPool, picture, relu } from "./spatial.ts";

/** Channels of the 3 × 3 convolutions between two poolings. */
const groups: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/**
 * VGG-16 (configuration D) without batch normalisation. The classifier reads a grid of 7 × 7, or
 * what is left of it at resolutions under 224.
 *
 * @see Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
 * recognition", 2015; torchvision `vgg16`
 */
export function vgg16(s: Sketch): Value {
  let x = picture(s);
  let at = 0;
  for (const group of groups) {
    for (const channels of group) {
      const options = { channels: s.channels(channels), kernel: 3, pad: 1, bias: true };
      x = relu(s, conv(s, x, `features.${at}`, options), `features.${at + 1}`);
      at += 2;
    }
    x = maxPool(s, x, `features.${at}`, { kernel: 2, stride: 2 });
    at += 1;
  }
  x = flatten(s, averageToGrid(s, x, "avgpool", 7), "flatten");
  x = relu(s, gemm(s, x, "classifier.0", s.channels(4096)), "classifier.1");
  x = relu(s, gemm(s, x, "classifier.3", s.channels(4096)), "classifier.4");
  return gemm(s, x, "classifier.6", s.options.classes);
}
