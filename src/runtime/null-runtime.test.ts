import { expect, test } from "vitest";
import { describeRuntime } from "../../test/conformance/runtime.ts";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createBuilder } from "../onnx/build.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { createNullRuntime } from "./null-runtime.ts";
import { sampleTensor } from "./sample-inputs.ts";
import { runSplit } from "./split-run.ts";

const runtime = createNullRuntime({ clock: systemClock, nodeSeconds: seconds(0) });

describeRuntime(runtime, {
  "computes the operators of the part": "it computes nothing, on purpose",
  "gives every text back as it came": "it computes nothing, on purpose",
});

function reluChain(from: number, to: number): OnnxModel {
  const builder = createBuilder({ name: "chain" });
  let value = builder.input(from === 0 ? "x" : `t${from}`, "float32", [4]);
  for (let step = from; step < to; step++) {
    value = builder.node("Relu", [value], { name: `relu${step}`, output: `t${step + 1}` });
  }
  builder.output(value, "float32", [4]);
  return builder.build();
}

test("a split gives the same bytes as the whole", async () => {
  const input = () => ({ x: sampleTensor("float32", [4], 3) });
  const load = (model: OnnxModel) => runtime.load(model, { threads: 1 });
  const whole = await runSplit([await load(reluChain(0, 3))], input(), ["t3"]);
  const parts = [await load(reluChain(0, 1)), await load(reluChain(1, 3))];
  const split = await runSplit(parts, input(), ["t3"]);
  expect(split.outputs["t3"]?.data).toEqual(whole.outputs["t3"]?.data);
});

test("a byte that changes on the way between two parts changes the answer", async () => {
  const first = await runtime.load(reluChain(0, 1), { threads: 1 });
  const second = await runtime.load(reluChain(1, 3), { threads: 1 });
  const { outputs } = await first.run({ x: sampleTensor("float32", [4], 3) });
  const between = outputs["t1"];
  if (between === undefined) throw new Error("the first part gave no t1");
  const damaged = new Uint8Array(between.data);
  damaged[9] = (damaged[9] ?? 0) ^ 1;
  const answers = await Promise.all(
    [between.data, damaged].map((data) => second.run({ t1: { ...between, data } })),
  );
  expect(answers[0]?.outputs["t3"]?.data).not.toEqual(answers[1]?.outputs["t3"]?.data);
});

test("a run takes its fixed time per node, and a second one waits for the first", async () => {
  const clock = createVirtualClock();
  const timed = createNullRuntime({ clock, nodeSeconds: seconds(2) });
  const session = await timed.load(reluChain(0, 3), { threads: 1 });
  const ends: number[] = [];
  const run = async () => {
    const { computeSeconds } = await session.run({ x: sampleTensor("float32", [4], 1) });
    ends.push(clock.now());
    return computeSeconds;
  };
  const runs = Promise.all([run(), run()]);
  await clock.run();
  expect(await runs).toEqual([6, 6]);
  expect(ends).toEqual([6, 12]);
});
