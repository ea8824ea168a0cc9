import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { createBuilder } from "./build.ts";
import { float, tensor } from "./build-tensor.ts";
import { dataTypeName, dataTypeNumber } from "./data-type.ts";
import type { OnnxModel } from "./model.ts";

/** Runs a model that has no large weights. */
async function run(model: OnnxModel, feeds: Record<string, ort.Tensor>): Promise<number[][]> {
  expect([...model.weights.keys()]).toEqual([]);
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model.proto));
  const results = await session.run(feeds);
  await session.release();
  return session.outputNames.map((name) => Array.from(results[name]?.data as Float32Array));
}

const vector = (...values: number[]) =>
  new ort.Tensor("float32", Float32Array.from(values), [values.length]);

test("a model with a node of two outputs and a float attribute that is whole runs", async () => {
  const b = createBuilder({ name: "two" });
  const x = b.input("x", "float32", ["N"]);
  const y = b.node("LeakyRelu", [x], { name: "leaky", attributes: { alpha: float(2) } });
  const halves = b.node("Split", [y], { outputs: ["low", "high"], attributes: { axis: 0 } });
  for (const half of halves) b.output(half);
  expect(y).toBe("leaky_output");
  expect(await run(b.build(), { x: vector(-1, 2, 3, -4) })).toEqual([
    [-2, 2],
    [3, -8],
  ]);
});

test("initialisers of 1 KiB keep their bytes outside of the skeleton, smaller ones inside", () => {
  const b = createBuilder({ name: "sizes" });
  const large = new Float32Array(256).fill(3);
  b.weight("large", [256], large);
  b.weight("small", [255], new Float32Array(255));
  const { proto, weights } = b.build();
  expect([...weights.keys()]).toEqual(["large"]);
  expect(weights.get("large")?.buffer).toBe(large.buffer);
  expect(proto.graph?.initializer.map(({ rawData }) => rawData.byteLength)).toEqual([0, 1020]);
  expect(proto.graph?.initializer.map(({ dims }) => dims)).toEqual([[256n], [255n]]);
});

test("numbers are converted to the data type that is asked for", () => {
  expect(tensor([2], [1, -1], "int64").rawData).toEqual(
    new Uint8Array(BigInt64Array.from([1n, -1n]).buffer),
  );
  expect(tensor([2], [0, 7], "bool").rawData).toEqual(Uint8Array.from([0, 1]));
  expect(tensor([1], [3n]).dataType).toBe(dataTypeNumber("int64"));
  expect(tensor([2], ["a", "b"]).stringData).toHaveLength(2);
  expect(tensor([1], Uint16Array.of(0x3c00), "float16").dataType).toBe(10);
  expect(tensor([2], Int32Array.of(1, 2)).dataType).toBe(dataTypeNumber("int32"));
});

test("values that do not fill their shape are refused", () => {
  const b = createBuilder({ name: "wrong" });
  expect(() => b.weight("w", [2, 3], [1, 2, 3])).toThrow(
    expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" }),
  );
  expect(() => tensor([1], [1], "float16")).toThrow(
    expect.objectContaining({ code: "ONNX_UNSUPPORTED" }),
  );
});

test("a sub-graph reads tensors of the graph around it and keeps its weights inside", async () => {
  const b = createBuilder({ name: "choice" });
  const x = b.input("x", "float32", [300]);
  const sum = b.node("ReduceSum", [x], { attributes: { keepdims: 0 } });
  const positive = b.node("Greater", [sum, b.weight("zero", [], [0])]);
  const y = b.node("If", [positive], {
    attributes: {
      then_branch: b.subgraph("then", (g) => {
        g.output(g.node("Add", [x, g.weight("ones", [300], new Float32Array(300).fill(1))]));
      }),
      else_branch: b.subgraph("else", (g) => g.output(g.node("Neg", [x]))),
    },
  });
  b.output(y);
  const [high] = await run(b.build(), { x: new ort.Tensor(new Float32Array(300).fill(2), [300]) });
  const [low] = await run(b.build(), { x: new ort.Tensor(new Float32Array(300).fill(-2), [300]) });
  expect([high?.[7], low?.[7]]).toEqual([3, 2]);
});

test("a function is called by its domain and name", async () => {
  const b = createBuilder({ name: "call", domains: { "test.partita": 1 } });
  b.define(
    { domain: "test.partita", name: "TwiceThenNegate", inputs: ["a"], outputs: ["c"] },
    (body) => body.node("Neg", [body.node("Add", ["a", "a"])], { output: "c" }),
  );
  const x = b.input("x", "float32", [2]);
  b.output(b.node("TwiceThenNegate", [x], { domain: "test.partita" }));
  expect(await run(b.build(), { x: vector(1, 2) })).toEqual([[-2, -4]]);
});

test("nodes without a name, and with one name twice, still make tensors of their own", () => {
  const b = createBuilder({ name: "names" });
  const x = b.input("x", "float32", [1]);
  const tensors = ["", "", "same", "same"].map((name) => b.node("Relu", [x], { name }));
  const generated = [b.node("Relu", [x]), b.node("Relu", [x])];
  expect(new Set([...tensors, ...generated]).size).toBe(6);
  const names = b.build().proto.graph?.node.map(({ name }) => name);
  expect(names).toEqual(["", "", "same", "same", "Relu", "Relu_1"]);
});

test("names and numbers of element types belong together", () => {
  for (const name of ["float32", "float64", "uint8", "bfloat16", "float8e4m3fn", "int4"]) {
    expect(dataTypeName(dataTypeNumber(name))).toBe(name);
  }
  expect(dataTypeNumber("float32")).toBe(1);
  expect(dataTypeName(999)).toBe("undefined");
  expect(() => dataTypeNumber("float31")).toThrow(
    expect.objectContaining({ code: "ONNX_UNSUPPORTED" }),
  );
});
