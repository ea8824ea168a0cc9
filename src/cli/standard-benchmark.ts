import { createRandom } from "../base/random.ts";
import type { Seconds } from "../base/units.ts";
import { createBuilder } from "../onnx/build.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { benchmark } from "../runtime/benchmark.node.ts";

/**
 * What the standard benchmark takes on this machine: the figure by which machines are compared that
 * no profile was measured on.
 *
 * @throws RUNTIME_FAILED if the runtime does not work here
 */
export function runStandardBenchmark(): Promise<Seconds> {
  return benchmark(standardModel());
}

/**
 * Four convolutions of 32 channels over 28 x 28 pixels, 58 MFLOP, always with the same weights. It
 * must never change: profiles hold what it took.
 */
export function standardModel(): OnnxModel {
  const builder = createBuilder({ name: "standard-benchmark" });
  const random = createRandom(1);
  const shape = [32, 32, 3, 3];
  let tensor = builder.input("image", "float32", [1, 32, 28, 28]);
  for (const at of [1, 2, 3, 4]) {
    const values = Float32Array.from({ length: 32 * 32 * 9 }, () => (random.next() - 0.5) / 8);
    const weight = builder.weight(`weight${at}`, shape, values);
    const attributes = { pads: [1, 1, 1, 1] };
    tensor = builder.node("Relu", [builder.node("Conv", [tensor, weight], { attributes })]);
  }
  builder.output(tensor, "float32", [1, 32, 28, 28]);
  return builder.build();
}
