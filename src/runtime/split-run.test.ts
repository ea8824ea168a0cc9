import { expect, test } from "vitest";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import { createBuilder } from "../onnx/build.ts";
import { createNullRuntime } from "./null-runtime.ts";
import type { Session } from "./runtime.ts";
import { sampleTensor } from "./sample-inputs.ts";
import { runSplit } from "./split-run.ts";

const runtime = createNullRuntime({ clock: systemClock, nodeSeconds: seconds(0) });

function load(inputs: string[], output: string): Promise<Session> {
  const builder = createBuilder({ name: output });
  for (const name of inputs) builder.input(name, "float32", [4]);
  builder.output(builder.node("Sum", inputs, { output }), "float32", [4]);
  return runtime.load(builder.build(), { threads: 1 });
}

test("a tensor that several stages read reaches all of them, and inputs stay with the caller", async () => {
  const sessions = [
    await load(["x"], "a"),
    await load(["x", "a"], "b"),
    await load(["a", "b"], "c"),
  ];
  const x = sampleTensor("float32", [4], 1);
  const { outputs, computeSeconds } = await runSplit(sessions, { x }, ["c", "a", "x"]);
  expect(Object.keys(outputs)).toEqual(["c", "a", "x"]);
  expect(computeSeconds).toEqual([0, 0, 0]);
  expect(x).toEqual(sampleTensor("float32", [4], 1));
});

test("a stage that stands before the one that feeds it is TENSOR_UNKNOWN", async () => {
  const sessions = [await load(["a"], "b"), await load(["x"], "a")];
  const x = sampleTensor("float32", [4], 1);
  await expect(runSplit(sessions, { x }, ["b"])).rejects.toMatchObject({ code: "TENSOR_UNKNOWN" });
});
