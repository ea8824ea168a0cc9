import { float } from "../onnx/build-tensor.ts";
import type { Sketch, Value } from "./sketch.ts";
import { add, batchNorm, channelsOf, classify, conv, picture } from "./spatial.ts";

/**
 * DarkNet-53 with leaky slope 0.1.
 *
 * @see Redmon and Farhadi, "YOLOv3: an incremental improvement", 2018; timm `darknet53`
 */
export function darknet53(s: Sketch): Value {
  let x = unit(s, picture(s), "stem.conv1", s.channels(32), 3);
  [1, 2, 8, 8, 4].forEach((depth, stage) => {
    const name = `stages.${stage}`;
    x = unit(s, x, `${name}.conv_down`, s.channels(64 * 2 ** stage), 3, { stride: 2 });
    for (let index = 0; index < depth; index++) {
      const block = `${name}.blocks.${index}`;
      const narrow = unit(s, x, `${block}.conv1`, Math.max(1, channelsOf(x) / 2), 1);
      const branch = unit(s, narrow, `${block}.conv2`, channelsOf(x), 3, { gamma: 0.3 });
      x = add(s, branch, x, `${block}.add`);
    }
  });
  return classify(s, x, "head.fc");
}

function unit(
  s: Sketch,
  x: Value,
  name: string,
  channels: number,
  kernel: number,
  { stride = 1, gamma = 1 }: { readonly stride?: number; readonly gamma?: number } = {},
): Value {
  const pad = (kernel - 1) / 2;
  const made = conv(s, x, `${name}.conv`, { channels, kernel, stride, pad });
  const normal = batchNorm(s, made, `${name}.bn`, { gamma });
  return s.node("LeakyRelu", `${name}.act`, [normal], normal.shape, { alpha: float(0.1) });
}
