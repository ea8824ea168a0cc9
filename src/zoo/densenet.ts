import type { Sketch, Value } from "./sketch.ts";
import {
  averagePool,
  batchNorm,
  channelsOf,
  classify,
  concat,
  conv,
  maxPool,
  picture,
  relu,
} from "./spatial.ts";

/**
 * DenseNet-121: growth 32, and 4 × 32 channels between the two convolutions of a dense module.
 *
 * @see Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017;
 * torchvision `densenet121`
 */
export function densenet121(s: Sketch): Value {
  const growth = s.channels(32);
  const stem = { channels: s.channels(64), kernel: 7, stride: 2, pad: 3 };
  let x = conv(s, picture(s), "features.conv0", stem);
  x = relu(s, batchNorm(s, x, "features.norm0"), "features.relu0");
  x = maxPool(s, x, "features.pool0", { kernel: 3, stride: 2, pad: 1 });
  const depths = [6, 12, 24, 16];
  depths.forEach((depth, index) => {
    x = denseGroup(s, x, `features.denseblock${index + 1}`, depth, growth);
    if (index < depths.length - 1) x = transition(s, x, `features.transition${index + 1}`);
  });
  x = relu(s, batchNorm(s, x, "features.norm5"), "features.relu5");
  return classify(s, x, "classifier");
}

/** Each module reads everything before it in the group. */
function denseGroup(s: Sketch, x: Value, name: string, depth: number, growth: number): Value {
  const made = [x];
  for (let index = 1; index <= depth; index++) {
    const module = `${name}.denselayer${index}`;
    const all = made.length === 1 ? x : concat(s, made, `${module}.concat`);
    const seen = relu(s, batchNorm(s, all, `${module}.norm1`), `${module}.relu1`);
    const narrow = conv(s, seen, `${module}.conv1`, { channels: 4 * growth, kernel: 1 });
    const active = relu(s, batchNorm(s, narrow, `${module}.norm2`), `${module}.relu2`);
    made.push(conv(s, active, `${module}.conv2`, { channels: growth, kernel: 3, pad: 1 }));
  }
  return concat(s, made, `${name}.concat`);
}

/** Halves channels, rows and columns. */
function transition(s: Sketch, x: Value, name: string): Value {
  const active = relu(s, batchNorm(s, x, `${name}.norm`), `${name}.relu`);
  const channels = Math.max(1, Math.floor(channelsOf(x) / 2));
  const narrow = conv(s, active, `${name}.conv`, { channels, kernel: 1 });
  return averagePool(s, narrow, `${name}.pool`, { kernel: 2, stride: 2 });
}
