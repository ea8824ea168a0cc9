import { expect, test } from "vitest";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import { createBuilder } from "../onnx/build.ts";
import { createNullRuntime } from "./null-runtime.ts";
import type { Session } from "./runtime.ts";
import { sampleTensor } from "./sample-inputs.ts";
import { runSplit, type TileSession } from "./split-run.ts";

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

test("tiles read what they need of a tensor, and what they make is put together for the next stage", async () => {
  const tile = async (name: string, rows: number, output: string) => {
    const builder = createBuilder({ name: output });
    builder.input(name, "float32", [1, 1, rows, 2]);
    builder.output(builder.node("Relu", [name], { output }), "float32", [1, 1, rows, 2]);
    return await runtime.load(builder.build(), { threads: 1 });
  };
  const rows = (from: number, to: number) => [
    { from, to },
    { from: 0, to: 2 },
  ];
  const extents = new Map([
    ["x", [4, 2]],
    ["a", [4, 2]],
  ]);
  const part = async (from: number, to: number): Promise<TileSession> => {
    const [inputs, outputs] = [new Map([["x", rows(from, to)]]), new Map([["a", rows(from, to)]])];
    return { session: await tile("x", to - from, "a"), inputs, outputs, extents };
  };
  const x = sampleTensor("float32", [1, 1, 4, 2], 1);
  const { outputs, computeSeconds } = await runSplit(
    [await part(0, 1), await part(1, 4), await tile("a", 4, "b")],
    { x },
    ["a", "b"],
  );
  expect([outputs["a"]?.shape, outputs["b"]?.shape]).toEqual([
    [1, 1, 4, 2],
    [1, 1, 4, 2],
  ]);
  expect(computeSeconds).toEqual([0, 0, 0]);
  await expect(runSplit([await part(0, 3)], { x }, ["a"])).rejects.toMatchObject({
    code: "TENSOR_UNKNOWN",
  });
});
