import type { Sketch, Value } from "./sketch.ts";
import { batchNorm, classify, concat, conv, maxPool, picture, relu } from "./spatial.ts";

/** Channels: 1 × 1; 3 × 3 reduced and full; 5 × 5 reduced and full; behind the pooling. */
type Inception = readonly [number, number, number, number, number, number];

const inceptions: Readonly<Record<string, Inception>> = {
  inception3a: [64, 96, 128, 16, 32, 32],
  inception3b: [128, 128, 192, 32, 96, 64],
  inception4a: [192, 96, 208, 16, 48, 64],
  inception4b: [160, 112, 224, 24, 64, 64],
  inception4c: [128, 128, 256, 24, 64, 64],
  inception4d: [112, 144, 288, 32, 64, 64],
  inception4e: [256, 160, 320, 32, 128, 128],
  inception5a: [256, 160, 320, 32, 128, 128],
  inception5b: [384, 192, 384, 48, 128, 128],
};

/**
 * GoogLeNet with batch normalisation, without the auxiliary classifiers; the branch that the paper
 * calls 5 × 5 has a 3 × 3 kernel, as in torchvision's trained weights.
 *
 * @see Szegedy et al., "Going deeper with convolutions", 2015; torchvision `googlenet`
 */
export function googlenet(s: Sketch): Value {
  let x = unit(s, picture(s), "conv1", 64, 7, 2);
  x = maxPool(s, x, "maxpool1", { kernel: 3, stride: 2, ceil: true });
  x = unit(s, x, "conv2", 64, 1);
  x = unit(s, x, "conv3", 192, 3);
  x = maxPool(s, x, "maxpool2", { kernel: 3, stride: 2, ceil: true });
  for (const [name, channels] of Object.entries(inceptions)) {
    x = inception(s, x, name, channels);
    if (name === "inception3b") x = maxPool(s, x, "maxpool3", { kernel: 3, stride: 2, ceil: true });
    if (name === "inception4e") x = maxPool(s, x, "maxpool4", { kernel: 2, stride: 2, ceil: true });
  }
  return classify(s, x, "fc");
}

function inception(s: Sketch, x: Value, name: string, channels: Inception): Value {
  const [single, reduced3, full3, reduced5, full5, pooled] = channels;
  const around = maxPool(s, x, `${name}.branch4.0`, { kernel: 3, stride: 1, pad: 1, ceil: true });
  const branches = [
    unit(s, x, `${name}.branch1`, single, 1),
    unit(s, unit(s, x, `${name}.branch2.0`, reduced3, 1), `${name}.branch2.1`, full3, 3),
    unit(s, unit(s, x, `${name}.branch3.0`, reduced5, 1), `${name}.branch3.1`, full5, 3),
    unit(s, around, `${name}.branch4.1`, pooled, 1),
  ];
  return concat(s, branches, `${name}.concat`);
}

function unit(
  s: Sketch,
  x: Value,
  name: string,
  channels: number,
  kernel: number,
  stride = 1,
): Value {
  const options = { channels: s.channels(channels), kernel, stride, pad: (kernel - 1) / 2 };
  const made = conv(s, x, `${name}.conv`, options);
  return relu(s, batchNorm(s, made, `${name}.bn`, { epsilon: 1e-3 }), `${name}.relu`);
}
