/**
 * What every Runtime keeps. An implementation that cannot do something lists it with the reason.
 *
 * @module
 */
import { expect, test } from "vitest";
import { packStrings, stringElements } from "../../src/graph/string-value.ts";
import { elementCount, type TensorValue } from "../../src/graph/tensor-value.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Runtime, TensorValues } from "../../src/runtime/runtime.ts";
import { sampleTensor } from "../../src/runtime/sample-inputs.ts";

/** Names of tests that an implementation is exempt from, with the reason. */
export type Exceptions = Readonly<Record<string, string>>;

const passedTypes = ["bool", "float16", "float32", "float64", "int8", "int16"].concat([
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
]);

/** Runs the suite against one implementation. */
export function describeRuntime(runtime: Runtime, exceptions: Exceptions = {}): void {
  const rule = (name: string, check: () => Promise<void>): void => {
    if (!Object.hasOwn(exceptions, name)) test(`${runtime.name}: ${name}`, check);
  };

  rule("declares inputs and outputs with their types", async () => {
    await using session = await open(runtime, addModel(["N", 2]));
    expect(session.inputs).toMatchObject([
      { name: "a", dataType: "float32", shape: ["N", 2] },
      { name: "b", dataType: "float32", shape: ["N", 2] },
    ]);
    expect(session.outputs).toMatchObject([{ name: "sum", dataType: "float32" }]);
  });

  rule("computes the operators of the part", async () => {
    await using session = await open(runtime, addModel([2]));
    const { outputs } = await session.run({ a: floats([2], [1, 2]), b: floats([2], [10, 20]) });
    expect(readFloats(outputs["sum"])).toEqual([11, 22]);
  });

  rule("gives outputs of the declared type and shape", async () => {
    await using session = await open(runtime, addModel(["N", 2]));
    const inputs = { a: floats([3, 2], [1, 2, 3, 4, 5, 6]), b: floats([3, 2], [0, 0, 0, 0, 0, 0]) };
    const { outputs } = await session.run(inputs);
    expect(outputs["sum"]).toMatchObject({ dataType: "float32", shape: [3, 2] });
    expect(outputs["sum"]?.data.byteLength).toBe(24);
  });

  rule("gives equal outputs for equal inputs, and others for others", async () => {
    await using session = await open(runtime, addModel([2]));
    const run = async (first: number) => {
      const inputs = { a: floats([2], [first, 2]), b: floats([2], [3, 4]) };
      return [...((await session.run(inputs)).outputs["sum"]?.data ?? [])];
    };
    const once = await run(1);
    expect(await run(1)).toEqual(once);
    expect(await run(5)).not.toEqual(once);
  });

  for (const dataType of passedTypes) {
    rule(`passes ${dataType} tensors in and out`, async () => {
      const builder = createBuilder({ name: "pass", opset: 17 });
      const x = builder.input("x", dataType, [2, 3]);
      builder.output(builder.node("Identity", [x], { output: "y" }), dataType, [2, 3]);
      await using session = await open(runtime, builder.build());
      const { outputs } = await session.run({ x: sampleTensor(dataType, [2, 3], 7) });
      expect(outputs["y"]).toMatchObject({ dataType, shape: [2, 3] });
      if (Object.hasOwn(exceptions, "computes the operators of the part")) return;
      expect(outputs["y"]?.data).toEqual(sampleTensor(dataType, [2, 3], 7).data);
    });
  }

  rule("takes and gives tensors without elements and without dimensions", async () => {
    await using empty = await open(runtime, addModel(["N", 2]));
    const { outputs } = await empty.run({ a: floats([0, 2], []), b: floats([0, 2], []) });
    expect(outputs["sum"]).toMatchObject({ shape: [0, 2] });
    expect(outputs["sum"]?.data.byteLength).toBe(0);
    await using scalar = await open(runtime, addModel([]));
    const result = await scalar.run({ a: floats([], [1]), b: floats([], [2]) });
    expect(result.outputs["sum"]).toMatchObject({ shape: [] });
    expect(result.outputs["sum"]?.data.byteLength).toBe(4);
  });

  rule("serves runs that were asked for together in order", async () => {
    await using session = await open(runtime, addModel([2]));
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2].map(async (position) => {
        await session.run({ a: floats([2], [position, 0]), b: floats([2], [0, 0]) });
        order.push(position);
      }),
    );
    expect(order).toEqual([0, 1, 2]);
  });

  rule("leaves the rest of a buffer alone of which an input is a view", async () => {
    await using session = await open(runtime, addModel([2]));
    const both = new Float32Array([1, 2, 3, 4]);
    const view = (offset: number): TensorValue => ({
      dataType: "float32",
      shape: [2],
      data: new Uint8Array(both.buffer, offset, 8),
    });
    await session.run({ a: view(0), b: view(8) });
    expect([...both]).toEqual([1, 2, 3, 4]);
  });

  rule("says how long a run computed", async () => {
    await using session = await open(runtime, addModel([2]));
    const { computeSeconds } = await session.run({
      a: floats([2], [1, 2]),
      b: floats([2], [1, 2]),
    });
    expect(computeSeconds).toBeGreaterThanOrEqual(0);
    expect(computeSeconds).toBeLessThan(60);
  });

  rule("refuses an input that is missing, unknown, or of another type or shape", async () => {
    await using session = await open(runtime, addModel([2]));
    const [a, b] = [floats([2], [1, 2]), floats([2], [3, 4])];
    const refused = (inputs: TensorValues, code: string) =>
      expect(session.run(inputs)).rejects.toMatchObject({ code });
    await refused({ a }, "TENSOR_UNKNOWN");
    await refused({ a, b, c: b }, "TENSOR_UNKNOWN");
    await refused({ a, b: { ...b, dataType: "int32" } }, "TENSOR_TYPE_MISMATCH");
    await refused({ a, b: floats([3], [1, 2, 3]) }, "TENSOR_SHAPE_MISMATCH");
    await refused({ a, b: floats([1, 2], [1, 2]) }, "TENSOR_SHAPE_MISMATCH");
    await refused({ a, b: { ...b, data: new Uint8Array(4) } }, "TENSOR_SHAPE_MISMATCH");
    await expect(session.run({ a, b })).resolves.toMatchObject({
      outputs: { sum: { shape: [2] } },
    });
  });

  rule("takes and gives strings, in the declared shape", async () => {
    await using session = await open(runtime, identityModel("string", ["N", 2]));
    const { outputs } = await session.run({ x: texts([1, 2], ["", "a"]) });
    expect(outputs["y"]).toMatchObject({ dataType: "string", shape: [1, 2] });
    expect([...stringElements("y", outputs["y"]?.data ?? new Uint8Array(0))]).toHaveLength(2);
  });

  rule("gives every text back as it came", async () => {
    await using session = await open(runtime, identityModel("string", ["N"]));
    const given = texts([5], ["", "a", "\uFEFFü€😀", "\ntwo\tlines", "x".repeat(70_000)]);
    const { outputs } = await session.run({ x: { ...given, data: given.data.slice() } });
    expect(outputs["y"]).toEqual(given);
    const none = await session.run({ x: texts([0], []) });
    expect(none.outputs["y"]).toEqual(texts([0], []));
  });

  rule("refuses strings that are too many, cut off, or no text", async () => {
    await using session = await open(runtime, identityModel("string", ["N"]));
    const refused = (bytes: readonly number[], code: string) => {
      const x = { dataType: "string", shape: [1], data: new Uint8Array(bytes) };
      return expect(session.run({ x })).rejects.toMatchObject({ code });
    };
    await refused([1, 0, 0, 0, 65, 0, 0, 0, 0], "TENSOR_SHAPE_MISMATCH");
    await refused([], "TENSOR_SHAPE_MISMATCH");
    await refused([2, 0, 0, 0, 65], "TENSOR_MALFORMED");
    await refused([1, 0, 0, 0, 0xff], "TENSOR_MALFORMED");
    await refused([2, 0, 0, 0, 65, 0], "TENSOR_MALFORMED");
  });

  rule("refuses a part whose tensors have no whole bytes", async () => {
    const builder = createBuilder({ name: "texts", opset: 17 });
    const x = builder.input("x", "int4", [1]);
    builder.output(builder.node("Identity", [x], { output: "y" }), "int4", [1]);
    await expect(runtime.load(builder.build(), { threads: 1 })).rejects.toMatchObject({
      code: "ONNX_UNSUPPORTED",
    });
  });

  rule("fails a run after release, and lets release be called again", async () => {
    const session = await runtime.load(addModel([2]), { threads: 1 });
    await session.release();
    await session.release();
    await expect(
      session.run({ a: floats([2], [1, 2]), b: floats([2], [3, 4]) }),
    ).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
  });
}

async function open(runtime: Runtime, model: OnnxModel) {
  const session = await runtime.load(model, { threads: 1 });
  return Object.assign(session, { [Symbol.asyncDispose]: () => session.release() });
}

function addModel(shape: readonly (number | string)[]): OnnxModel {
  const builder = createBuilder({ name: "add", opset: 17 });
  const [a, b] = [builder.input("a", "float32", shape), builder.input("b", "float32", shape)];
  builder.output(builder.node("Add", [a, b], { output: "sum" }), "float32", shape);
  return builder.build();
}

function identityModel(dataType: string, shape: readonly (number | string)[]): OnnxModel {
  const builder = createBuilder({ name: "identity", opset: 17 });
  const x = builder.input("x", dataType, shape);
  builder.output(builder.node("Identity", [x], { output: "y" }), dataType, shape);
  return builder.build();
}

function texts(shape: readonly number[], values: readonly string[]): TensorValue {
  const encoder = new TextEncoder();
  return {
    dataType: "string",
    shape,
    data: packStrings(values.map((text) => encoder.encode(text))),
  };
}

function floats(shape: readonly number[], values: readonly number[]): TensorValue {
  expect(values).toHaveLength(elementCount(shape));
  return { dataType: "float32", shape, data: new Uint8Array(new Float32Array(values).buffer) };
}

function readFloats(value: TensorValue | undefined): number[] {
  if (value === undefined) return [];
  const { buffer, byteOffset, byteLength } = value.data;
  return [...new Float32Array(buffer, byteOffset, byteLength / 4)];
}
