import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { expect, onTestFinished, test } from "vitest";
import { describeRuntime } from "../../test/conformance/runtime.ts";
import { createBuilder } from "../onnx/build.ts";
import { withGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { createOnnxRuntime } from "./onnxruntime.node.ts";
import { sampleTensor } from "./sample-inputs.ts";

const runtime = createOnnxRuntime();

describeRuntime(runtime);

function model(operator: string, domain = ""): OnnxModel {
  const builder = createBuilder({ name: "one", domains: domain === "" ? {} : { [domain]: 1 } });
  const x = builder.input("x", "float32", [1]);
  builder.output(builder.node(operator, [x], { output: "y", domain }), "float32", [1]);
  return builder.build();
}

test("the name carries the version", () => {
  expect(runtime.name).toMatch(/^onnxruntime \d+\.\d+\.\d+$/);
});

test("weights in files give the bits of those in memory, and leave nothing beside the files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "partita-weights-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const builder = createBuilder({ name: "gemm" });
  const x = builder.input("x", "float32", [1, 64]);
  const values = Float32Array.from({ length: 64 * 32 }, (_, at) => Math.sin(at));
  const weight = builder.weight("w", [64, 32], values);
  builder.output(builder.node("MatMul", [x, weight]), "float32", [1, 32]);
  const { proto, weights } = builder.build();
  const bytes = weights.get("w") ?? new Uint8Array();
  const path = join(folder, "a".repeat(64));
  writeFileSync(path, bytes);
  const files = new Map([["w", { path, bytes: bytes.length }]]);
  const sessions = [
    await runtime.load({ proto, weights }, { threads: 1 }),
    await runtime.load({ proto, weights: new Map() }, { threads: 1, files }),
    await runtime.load({ proto, weights: new Map() }, { threads: 1, files, thrifty: true }),
  ];
  expect(readdirSync(folder)).toEqual([basename(path)]);
  const answers = [];
  for (const session of sessions) {
    const { outputs } = await session.run({ x: sampleTensor("float32", [1, 64], 1) });
    answers.push(Object.values(outputs)[0]?.data);
    await session.release();
  }
  expect(bytes.length).toBeGreaterThan(1024);
  expect(answers[1]).toEqual(answers[0]);
  const [packed, plain] = [answers[0], answers[2]].map((data) => [
    ...new Float32Array(data?.slice().buffer ?? new ArrayBuffer()),
  ]);
  for (const [at, value] of (packed ?? []).entries()) expect(plain?.[at]).toBeCloseTo(value, 4);
});

test("weights in a folder that takes no other files are read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "partita-weights-"));
  const path = join(folder, "w");
  writeFileSync(path, new Uint8Array(Float32Array.from({ length: 512 }, () => 2).buffer));
  const opened = openSync(path, "r");
  onTestFinished(() => {
    closeSync(opened);
    rmSync(folder, { recursive: true, force: true });
  });
  const builder = createBuilder({ name: "add" });
  const x = builder.input("x", "float32", [512]);
  const weight = builder.weight("w", [512], new Float32Array(512));
  builder.output(builder.node("Add", [x, weight], { output: "y" }), "float32", [512]);
  const { proto } = builder.build();
  const files = new Map([["w", { path: `/dev/fd/${opened}`, bytes: 2048 }]]);
  const session = await runtime.load({ proto, weights: new Map() }, { threads: 1, files });
  const zeros = { dataType: "float32", shape: [512], data: new Uint8Array(2048) };
  const { outputs } = await session.run({ x: zeros });
  expect(new Float32Array(outputs["y"]?.data.slice().buffer ?? new ArrayBuffer())[511]).toBe(2);
  await session.release();
});

test("an operator that nobody knows is ONNX_UNSUPPORTED, in one line", async () => {
  const refused = runtime.load(model("Frobnicate"), { threads: 1 });
  await expect(refused).rejects.toMatchObject({
    code: "ONNX_UNSUPPORTED",
    message: expect.stringMatching(/^[^\n]*Frobnicate[^\n]*$/),
  });
  await expect(runtime.load(model("Relu", "com.example"), { threads: 1 })).rejects.toMatchObject({
    code: "ONNX_UNSUPPORTED",
  });
});

test("an opset of the future is ONNX_UNSUPPORTED", async () => {
  const builder = createBuilder({ name: "future", opset: 99 });
  builder.output(builder.node("Relu", [builder.input("x", "float32", [1])]), "float32", [1]);
  await expect(runtime.load(builder.build(), { threads: 1 })).rejects.toMatchObject({
    code: "ONNX_UNSUPPORTED",
  });
});

test("a model that contradicts itself is ONNX_MALFORMED", async () => {
  const builder = createBuilder({ name: "contradiction" });
  const x = builder.input("x", "float32", [1]);
  builder.output(builder.node("Add", [x], { output: "y" }), "float32", [1]);
  await expect(runtime.load(builder.build(), { threads: 1 })).rejects.toMatchObject({
    code: "ONNX_MALFORMED",
  });
  const { proto } = model("Relu");
  const dangling = withGraph(create(ModelProtoSchema, proto), { input: [] });
  await expect(
    runtime.load({ proto: dangling, weights: new Map() }, { threads: 1 }),
  ).rejects.toMatchObject({ code: "ONNX_MALFORMED" });
});

test("a run that fails inside is RUNTIME_FAILED, and the session goes on", async () => {
  const builder = createBuilder({ name: "reshape" });
  const x = builder.input("x", "float32", ["N"]);
  const shape = builder.weight("shape", [2], [2, 2], "int64");
  builder.output(builder.node("Reshape", [x, shape], { output: "y" }), "float32", [2, 2]);
  const session = await runtime.load(builder.build(), { threads: 1 });
  await expect(session.run({ x: sampleTensor("float32", [3], 1) })).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    message: expect.not.stringContaining("/onnxruntime_src"),
  });
  const { outputs } = await session.run({ x: sampleTensor("float32", [4], 1) });
  expect(outputs["y"]?.shape).toEqual([2, 2]);
  await session.release();
});

test("the buffer of an input is handed over, not copied", async () => {
  const session = await runtime.load(model("Relu"), { threads: 1 });
  const x = sampleTensor("float32", [1], 1);
  await session.run({ x });
  expect(x.data.byteLength).toBe(0);
  await session.release();
});

test("release waits for runs that were asked for before", async () => {
  const session = await runtime.load(model("Relu"), { threads: 1 });
  const run = session.run({ x: sampleTensor("float32", [1], 1) });
  await session.release();
  await expect(run).resolves.toMatchObject({ outputs: { y: { shape: [1] } } });
});
