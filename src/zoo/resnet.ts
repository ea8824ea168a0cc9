import type { Sketch, Value } from "./sketch.ts";
import { add, batchNorm, channelsOf, classify, conv, maxPool, picture, relu } from "./spatial.ts";

/** A branch is added to what it started from; this keeps the sum from growing with the depth. */
const branchGamma = 0.4;

type Block = (s: Sketch, x: Value, name: string, channels: number, stride: number) => Value;

/**
 * ResNet-18.
 *
 * @see He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016; torchvision
 * `resnet18`
 */
export function resnet18(s: Sketch): Value {
  return resnet(s, basicBlock, [2, 2, 2, 2], 1);
}

/**
 * ResNet-50 with the stride on the 3 × 3 convolution ("v1.5").
 *
 * @see He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016; torchvision
 * `resnet50`
 */
export function resnet50(s: Sketch): Value {
  return resnet(s, bottleneck, [3, 4, 6, 3], 4);
}

function resnet(s: Sketch, block: Block, depths: readonly number[], expansion: number): Value {
  let x = conv(s, picture(s), "conv1", { channels: s.channels(64), kernel: 7, stride: 2, pad: 3 });
  x = relu(s, batchNorm(s, x, "bn1"), "relu");
  x = maxPool(s, x, "maxpool", { kernel: 3, stride: 2, pad: 1 });
  depths.forEach((depth, group) => {
    const channels = s.channels(64 * 2 ** group);
    for (let index = 0; index < depth; index++) {
      const name = `layer${group + 1}.${index}`;
      const stride = group > 0 && index === 0 ? 2 : 1;
      const branch = block(s, x, name, channels, stride);
      const skip = shortcut(s, x, name, channels * expansion, stride);
      x = relu(s, add(s, branch, skip, `${name}.add`), `${name}.relu`);
    }
  });
  return classify(s, x, "fc");
}

const basicBlock: Block = (s, x, name, channels, stride) => {
  const first = conv(s, x, `${name}.conv1`, { channels, kernel: 3, stride, pad: 1 });
  const active = relu(s, batchNorm(s, first, `${name}.bn1`), `${name}.relu1`);
  const second = conv(s, active, `${name}.conv2`, { channels, kernel: 3, pad: 1 });
  return batchNorm(s, second, `${name}.bn2`, { gamma: branchGamma });
};

const bottleneck: Block = (s, x, name, channels, stride) => {
  const first = conv(s, x, `${name}.conv1`, { channels, kernel: 1 });
  const narrow = relu(s, batchNorm(s, first, `${name}.bn1`), `${name}.relu1`);
  const second = conv(s, narrow, `${name}.conv2`, { channels, kernel: 3, stride, pad: 1 });
  const active = relu(s, batchNorm(s, second, `${name}.bn2`), `${name}.relu2`);
  const third = conv(s, active, `${name}.conv3`, { channels: channels * 4, kernel: 1 });
  return batchNorm(s, third, `${name}.bn3`, { gamma: branchGamma });
};

function shortcut(s: Sketch, x: Value, name: string, channels: number, stride: number): Value {
  if (stride === 1 && channelsOf(x) === channels) return x;
  const projected = conv(s, x, `${name}.downsample.0`, { channels, kernel: 1, stride });
  return batchNorm(s, projected, `${name}.downsample.1`, { gamma: 0.7 });
}
