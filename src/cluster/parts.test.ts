import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { createBuilder } from "../onnx/build.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { Plan } from "../plan/plan.ts";
import { readSignature } from "../runtime/signature.ts";
import { PartCutter } from "./parts.ts";

const problem = pictureProblem({});

/** Two convolutions of 3 × 3 positions, and a node that needs all of them. */
function model(): OnnxModel {
  const builder = createBuilder({ name: "picture" });
  const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  let tensor = builder.input("in", "uint8", [1, 1, 8, 1]);
  for (const name of ["a", "b"]) {
    const weight = builder.weight(`w_${name}`, [1, 1, 3, 3], new Float32Array(9));
    tensor = builder.node("Conv", [tensor, weight], { name, output: name, attributes });
  }
  builder.output(builder.node("Softmax", [tensor], { name: "c", output: "c" }), "uint8");
  return builder.build();
}

test("each member gets a part that reads and makes its rows; the last node's device one as ever", () => {
  const cutter = new PartCutter(model(), new Map(), problem.index.graph);
  const tiles = [stage([0, 1], [1, 2, 1], [2, 5, 8])];
  const plan = planOf(problem, ["left", "left", "camera"], tiles) as Plan;
  const parts = cutter.cut(plan);
  const shapes = [...parts].map(([device, offers]) => [
    device,
    ...offers.map(({ stage: id, skeleton }) => {
      const bytes = cutter.blob(skeleton.sha256) as Uint8Array;
      const proto = fromBinary(ModelProtoSchema, bytes);
      const { inputs, outputs } = readSignature({ proto, weights: new Map() });
      return [id, ...[...inputs, ...outputs].map(({ name, shape }) => `${name} ${shape}`)];
    }),
  ]);
  expect(shapes).toEqual([
    ["left", ["s0.0", "in 1,1,4,1", "b 1,1,2,1"], ["s0.1", "in 1,1,5,1", "b 1,1,3,1"]],
    ["right", ["s0", "in 1,1,7,1", "b 1,1,3,1"]],
    ["camera", ["s1", "b ", "c "]],
  ]);
});

test("tiles that take turns hold parameters each, and the tensors of the largest of them once", () => {
  const cutter = new PartCutter(model(), new Map(), problem.index.graph);
  const tiles = [stage([0, 1], [1, 2, 1], [2, 5, 8])];
  const plan = planOf(problem, ["left", "left", "camera"], tiles) as Plan;
  const parts = cutter.cut(plan);
  const needs = parts.get("left")?.map(({ memoryBytes, thrifty }) => [memoryBytes, thrifty]);
  // Two nodes of 100 bytes of parameters; at most 5 rows are read and 4 are made.
  expect(needs).toEqual([
    [209, true],
    [200, true],
  ]);
  expect(parts.get("right")?.[0]?.thrifty).toBe(undefined);
});
