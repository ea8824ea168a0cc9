import { create } from "@bufbuild/protobuf";
import { ValueInfoProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { isConvex } from "../graph/convex.ts";
import { indexGraph } from "../graph/graph.ts";
import { bytesPerElement, elementCount, type TensorType } from "../graph/tensor-value.ts";
import { createBuilder, type ModelBuilder } from "./build.ts";
import { tensor } from "./build-tensor.ts";
import { extractConstantOutputs, extractPart } from "./extract.ts";
import { constantOutputs, toGraph } from "./graph.ts";
import { mainGraph, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { nameNodes } from "./names.ts";
import { readOnnx } from "./read.ts";
import { inferShapes, type Measure, type MetadataReader } from "./shapes.ts";
import { readType } from "./type-proto.ts";
import { encodeOnnx } from "./write.ts";

const options = {
  graphOptimizationLevel: "disabled",
  intraOpNumThreads: 1,
  logSeverityLevel: 3,
} as const;

const readMetadata: MetadataReader = async (model) => {
  const session = await ort.InferenceSession.create(model, options);
  const values = session.outputMetadata.map((value) => ({
    name: value.name,
    dataType: value.isTensor ? value.type : "other",
    shape: value.isTensor ? value.shape : [],
  }));
  await session.release();
  return values;
};

/** Bytes that differ, within what every type allows. */
function inputOf(type: TensorType): ort.Tensor {
  const count = elementCount(type.shape);
  if (type.dataType === "float32") {
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));
    return new ort.Tensor("float32", values, type.shape);
  }
  if (type.dataType === "bool") return new ort.Tensor("bool", [true], type.shape);
  if (type.dataType === "int64")
    return new ort.Tensor("int64", new BigInt64Array(count).fill(3n), type.shape);
  if (type.dataType === "float16") {
    return new ort.Tensor("float16", new Uint16Array(count).fill(0x3c01), type.shape);
  }
  return new ort.Tensor(
    "int8",
    Int8Array.from({ length: count }, (_, i) => i - 2),
    type.shape,
  );
}

type Feeds = Record<string, ort.Tensor>;

const measure: Measure = async (model, tensors) => {
  const { input } = mainGraph(model.proto);
  const output = tensors.map((name) => create(ValueInfoProtoSchema, { name }));
  const feeds = input.map(({ name, type }) => {
    const { dataType, shape } = readType(type) ?? { dataType: "", shape: [] };
    return [name, inputOf({ dataType, shape: shape?.map(Number) ?? [] })];
  });
  const proto = withGraph(model.proto, { output });
  const outputs = await run({ ...model, proto }, Object.fromEntries(feeds));
  return new Map(
    Object.entries(outputs).map(([name, { type, dims }]) => [
      name,
      { dataType: type, shape: dims },
    ]),
  );
};

async function run(model: OnnxModel, values: Feeds): Promise<Feeds> {
  const session = await ort.InferenceSession.create(encodeOnnx(model), options);
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [name, values[name] as ort.Tensor]),
  );
  const outputs = await session.run(feeds);
  await session.release();
  return outputs as Feeds;
}

/** Runs each node of the graph as a part of its own and compares with the whole model. */
async function checkSplit(built: OnnxModel) {
  const model = nameNodes(readOnnx(encodeOnnx(built)));
  const types = await inferShapes(model, readMetadata, measure);
  const graph = toGraph(model, types);
  indexGraph(graph);
  const feeds: Feeds = {};
  for (const name of graph.inputs) feeds[name] = inputOf(types.get(name) as TensorType);
  const whole = await run(model, feeds);
  const groups = new Map<string, string[]>();
  for (const node of graph.nodes) {
    const key = node.colocation ?? node.name;
    groups.set(key, [...(groups.get(key) ?? []), node.name]);
  }
  const values = { ...feeds };
  const parts = new Map<string, OnnxModel>();
  for (const [key, names] of groups) {
    const part = extractPart(model, names, types);
    readOnnx(encodeOnnx(part));
    parts.set(key, part);
    Object.assign(values, await run(part, values));
  }
  for (const name of graph.outputs) expect(values[name]?.data).toEqual(whole[name]?.data);
  return { model, types, graph, parts };
}

const names = (values: readonly { name: string }[]): string[] => values.map(({ name }) => name);

function branching(): ModelBuilder {
  const b = createBuilder({ name: "branching" });
  const x = b.input("x", "float32", [1, 3, 8, 8]);
  const w = b.weight(
    "w",
    [3, 3, 3, 3],
    Float32Array.from({ length: 81 }, (_, i) => i / 81),
  );
  const big = b.weight("big", [1, 3, 8, 16], new Float32Array(384).fill(0.5));
  const pads = [1, 1, 1, 1];
  const y = b.node("Conv", [x, w], { name: "conv", output: "y", attributes: { pads } });
  b.node("Relu", [y], { name: "relu", output: "r" });
  b.node("Sigmoid", [y], { name: "sigmoid", output: "s" });
  b.node("Concat", ["r", "s"], { name: "concat", output: "c", attributes: { axis: 3 } });
  b.node("Add", ["c", big], { name: "add", output: "z" });
  b.node("Mul", ["z", big], { name: "mul", output: "q" });
  b.output("q");
  b.output("r");
  return b;
}

test("gives each part its inputs, outputs and weights, and the same answer bit for bit", async () => {
  const { parts, graph, model, types } = await checkSplit(branching().build());
  expect(graph.nodes.map(({ inputs }) => inputs)).toEqual([
    ["x"],
    ["y"],
    ["y"],
    ["r", "s"],
    ["c"],
    ["z"],
  ]);
  expect(graph.nodes[0]).toMatchObject({ flop: 2 * 27 * 3 * 64, parameterBytes: 324 });
  expect(graph.nodes[4]).toMatchObject({ flop: 384, parameterBytes: 1536 });
  for (const name of ["add", "mul"])
    expect([...(parts.get(name)?.weights.keys() ?? [])]).toEqual(["big"]);
  const outer = mainGraph(extractPart(model, ["relu", "conv", "mul"], types).proto);
  expect(names(outer.node)).toEqual(["conv", "relu", "mul"]);
  expect(names(outer.input)).toEqual(["x", "z"]);
  expect(names(outer.output)).toEqual(["y", "r", "q"]);
  expect(names(outer.initializer)).toEqual(["w", "big"]);
});

test("knows which sets of nodes can run in one piece", async () => {
  const { graph } = await checkSplit(branching().build());
  const index = indexGraph(graph);
  expect(isConvex(index, new Set([0, 1]))).toBe(true);
  expect(isConvex(index, new Set([1, 2]))).toBe(true);
  expect(isConvex(index, new Set([0, 3]))).toBe(false);
  expect(isConvex(index, new Set([0, 1, 2, 4]))).toBe(false);
});

test("treats what depends on constants only as parameters, and constant outputs as none", async () => {
  const b = createBuilder({ name: "constants" });
  const x = b.input("x", "float32", [300]);
  const value = tensor([], [2], "float32");
  const two = b.node("Constant", [], { output: "two", attributes: { value } });
  const w = b.weight("w", [300], new Float32Array(300).fill(0.1));
  b.node("Mul", [w, two], { name: "scale", output: "scaled" });
  b.node("Add", [x, "scaled"], { name: "add", output: "y" });
  b.output("y");
  b.output("scaled");
  const { graph, model, types, parts } = await checkSplit(b.build());
  expect(names(graph.nodes)).toEqual(["add"]);
  expect(graph.nodes[0]?.parameterBytes).toBe(1200);
  expect(graph.outputs).toEqual(["y"]);
  expect(constantOutputs(model)).toEqual(["scaled"]);
  expect(names(mainGraph(parts.get("add")?.proto ?? model.proto).node)).toContain("scale");
  const constant = extractConstantOutputs(model, types);
  expect(constant).not.toBeNull();
  const outputs = await run(constant ?? model, {});
  expect(outputs["scaled"]?.data).toEqual(new Float32Array(300).fill(Math.fround(0.1) * 2));
});

test("counts tensors that subgraphs capture as inputs of their node", async () => {
  const b = createBuilder({ name: "control" });
  const flag = b.input("flag", "bool", []);
  b.node("Relu", [b.input("x", "float32", [4])], { name: "relu", output: "r" });
  const w = b.weight("w", [4], [1, 2, 3, 4], "float32");
  const branch = (operator: string) =>
    b.subgraph(operator, (g) => g.output(g.node(operator, ["r", w]), "float32", [4]));
  b.node("If", [flag], {
    name: "if",
    output: "chosen",
    attributes: { then_branch: branch("Add"), else_branch: branch("Mul") },
  });
  b.output(b.node("Neg", ["chosen"], { name: "neg", output: "y" }));
  const { graph, parts } = await checkSplit(b.build());
  expect(graph.nodes[1]).toMatchObject({ inputs: ["flag", "r"], flop: null, parameterBytes: 16 });
  const part = parts.get("if");
  expect(names(part?.proto.graph?.input ?? [])).toEqual(["flag", "r"]);
  expect(names(part?.proto.graph?.initializer ?? [])).toEqual(["w"]);
});

test("keeps functions as one node and takes only those that a part calls", async () => {
  const domains = { mine: 1, other: 1 };
  const b = createBuilder({ name: "functions", domains });
  for (const domain of ["mine", "other"]) {
    b.define({ domain, name: "Twice", inputs: ["a"], outputs: ["b"] }, (body) => {
      body.node("Add", ["a", "a"], { output: "b" });
    });
  }
  b.node("Twice", [b.input("x", "float32", [4])], { name: "f", domain: "mine", output: "m" });
  b.node("Twice", ["m"], { name: "g", domain: "other", output: "n" });
  b.output(b.node("Relu", ["n"], { name: "relu" }));
  const { graph, parts } = await checkSplit(b.build());
  expect(graph.nodes.map(({ operator }) => operator)).toEqual([
    "mine:Twice",
    "other:Twice",
    "Relu",
  ]);
  const proto = parts.get("f")?.proto;
  expect(proto?.functions.map(({ domain }) => domain)).toEqual(["mine"]);
  expect(proto?.opsetImport.map(({ domain }) => domain)).toEqual(["", "mine"]);
  expect(parts.get("relu")?.proto.functions).toEqual([]);
});

test("keeps nodes that pass sequences together", async () => {
  const b = createBuilder({ name: "sequences" });
  b.node("Relu", [b.input("x", "float32", [4])], { name: "relu", output: "r" });
  b.node("SequenceConstruct", ["r", "x"], { name: "construct", output: "s" });
  b.node("ConcatFromSequence", ["s"], { name: "join", output: "j", attributes: { axis: 0 } });
  b.output(b.node("Neg", ["j"], { name: "neg" }));
  const { graph, types } = await checkSplit(b.build());
  expect(types.get("s")).toEqual({ dataType: "sequence(float32)", shape: [] });
  const together = graph.nodes.map(({ colocation }) => colocation ?? null);
  expect(together).toEqual([null, "value s", "value s", null]);
});

test.each(["float16", "int8", "int64"])("splits a model of %s tensors", async (dataType) => {
  const b = createBuilder({ name: dataType });
  const w = b.weight(
    "w",
    [2, 2],
    new Uint8Array(4 * (bytesPerElement(dataType) ?? 0)).fill(1),
    dataType,
  );
  b.node("Concat", [b.input("x", dataType, [2, 2]), w], {
    name: "concat",
    output: "c",
    attributes: { axis: 0 },
  });
  b.node("Transpose", ["c"], { name: "transpose", output: "t" });
  b.output(b.node("Identity", ["t"], { name: "identity" }), dataType);
  const { graph } = await checkSplit(b.build());
  const width = bytesPerElement(dataType) ?? 0;
  expect(graph.tensors.map(({ bytes }) => bytes / width)).toEqual([4, 8, 8, 8]);
});

test("leaves absent optional inputs and outputs out, and returns something from a dead node", async () => {
  const b = createBuilder({ name: "optional" });
  const x = b.input("x", "float32", [4]);
  b.node("Clip", [x, "", b.weight("top", [], [0.5], "float32")], { name: "clip", output: "c" });
  b.node("Relu", ["c"], { name: "dead", output: "nobody" });
  b.node("Dropout", ["c"], { name: "dropout", outputs: ["d", ""] });
  b.output("d");
  const { graph, parts } = await checkSplit(b.build());
  expect(graph.nodes.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
    [["x"], ["c"]],
    [["c"], ["nobody"]],
    [["c"], ["d"]],
  ]);
  expect(names(parts.get("dead")?.proto.graph?.output ?? [])).toEqual(["nobody"]);
});

test("keeps open dimensions open and refuses unknown nodes", () => {
  const b = createBuilder({ name: "open" });
  b.node("Relu", [b.input("x", "float32", ["N", 4])], { name: "relu", output: "y" });
  b.output("y");
  const type = { dataType: "float32", shape: ["N", 4] };
  const part = extractPart(
    b.build(),
    ["relu"],
    new Map([
      ["x", type],
      ["y", type],
    ]),
  );
  const shape = part.proto.graph?.input[0]?.type?.value;
  expect(shape?.case === "tensorType" && shape.value.shape?.dim[0]?.value.value).toBe("N");
  expect(() => extractPart(b.build(), ["nobody"], new Map())).toThrow(/no node 'nobody'/);
});

test("measures shapes that depend on data, and says which are unknown without a run", async () => {
  const b = createBuilder({ name: "data" });
  b.node("NonZero", [b.input("x", "float32", [4])], { name: "nonzero", output: "places" });
  b.node("ReduceSum", ["places"], { name: "sum", output: "total", attributes: { keepdims: 0 } });
  b.output("total", "int64");
  const { types } = await checkSplit(b.build());
  expect(types.get("places")).toEqual({ dataType: "int64", shape: [1, 4] });
  expect(types.get("total")).toEqual({ dataType: "int64", shape: [] });
  await expect(inferShapes(b.build(), readMetadata)).rejects.toThrow(/1 tensors.*places/);
});
