import { expect, test } from "vitest";
import type { OptimisationLevel } from "../cost/profile.ts";
import { createBuilder, type GraphBuilder, type ModelBuilder } from "../onnx/build.ts";
import { tensor } from "../onnx/build-tensor.ts";
import { extractPart } from "../onnx/extract.ts";
import { mainGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { readOnnx } from "../onnx/read.ts";
import { encodeOnnx } from "../onnx/write.ts";
import { createOnnxRuntime } from "./onnxruntime.node.ts";
import { prepareGraph } from "./prepare.node.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { runSplit } from "./split-run.ts";

const runtime = createOnnxRuntime();

/** Values that differ from each other. */
const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));

/**
 * Prepares a model, runs it whole and with a part for each node, and compares the answers.
 *
 * @returns the operators of the prepared graph's nodes, by alphabet
 */
async function splitByNode(built: OnnxModel, level: OptimisationLevel): Promise<string[]> {
  const prepared = await prepareGraph(readOnnx(encodeOnnx(built)), { level });
  const { model, graph, types, openTypes } = prepared;
  const inputs = sampleInputs(
    graph.inputs.map((name) => ({ name, ...(types.get(name) ?? { dataType: "", shape: [] }) })),
  );
  const run = async (parts: readonly OnnxModel[]) => {
    const sessions = await Promise.all(parts.map((part) => runtime.load(part, { threads: 1 })));
    const { outputs } = await runSplit(sessions, inputs, graph.outputs);
    await Promise.all(sessions.map((session) => session.release()));
    return outputs;
  };
  const parts = graph.nodes.map(({ name }) => extractPart(model, [name], openTypes));
  expect(await run(parts)).toEqual(await run([model]));
  return graph.nodes.map(({ operator }) => operator).sort();
}

/** x, and two tensors made from it that bodies capture. */
function withCaptured(name: string, shape: readonly number[]): ModelBuilder {
  const b = createBuilder({ name });
  const x = b.input("x", "float32", shape);
  b.node("Relu", [x], { output: "relu" });
  b.node("Sigmoid", [x], { output: "sigmoid" });
  b.weight("yes", [], [1], "bool");
  return b;
}

function loopBody(g: GraphBuilder, shape: readonly number[], step: (state: string) => string) {
  g.input("iteration", "int64", []);
  g.input("going", "bool", []);
  const next = step(g.input("state", "float32", shape));
  g.output(g.node("Identity", ["going"], { output: "goes" }), "bool", []);
  g.output(next, "float32", shape);
}

test("a Loop that captures tensors and a weight splits bit for bit", async () => {
  const b = withCaptured("loop", [2, 20]);
  b.weight("w", [20, 20], wave(400));
  b.weight("times", [], [3], "int64");
  const body = b.subgraph("body", (g) =>
    loopBody(g, [2, 20], (state) =>
      g.node("Add", [g.node("MatMul", [state, "w"]), "sigmoid"], { output: "next" }),
    ),
  );
  b.node("Loop", ["times", "yes", "relu"], { outputs: ["last"], attributes: { body } });
  b.output(b.node("MatMul", [b.node("Tanh", ["last"]), "w"]));
  expect(await splitByNode(b.build(), "extended")).toEqual([
    "Loop",
    "MatMul",
    "Relu",
    "Sigmoid",
    "Tanh",
  ]);
});

test("an If in a Loop captures from both graphs around it", async () => {
  const b = withCaptured("nested", [4]);
  const times = b.input("times", "int64", []);
  const flag = b.input("flag", "bool", []);
  const branch = (g: GraphBuilder, operator: string, other: string) =>
    g.subgraph(operator, (inner) =>
      inner.output(inner.node(operator, ["moved", other], { output: operator }), "float32", [4]),
    );
  const body = b.subgraph("body", (g) =>
    loopBody(g, [4], (state) => {
      g.node("Add", [state, "sigmoid"], { output: "moved" });
      return g.node("If", [flag], {
        output: "next",
        attributes: { then_branch: branch(g, "Sub", "relu"), else_branch: branch(g, "Mul", "x") },
      });
    }),
  );
  b.node("Loop", [times, "yes", "x"], { outputs: ["last"], attributes: { body } });
  b.output(b.node("Exp", ["last"]));
  expect(await splitByNode(b.build(), "basic")).toEqual(["Exp", "Loop", "Relu", "Sigmoid"]);
});

test("a Scan that captures a tensor splits bit for bit", async () => {
  const b = withCaptured("scan", [4]);
  const rows = b.node("Exp", [b.input("rows", "float32", [5, 4])]);
  const body = b.subgraph("body", (g) => {
    const state = g.input("state", "float32", [4]);
    const row = g.input("row", "float32", [4]);
    const next = g.node("Add", [g.node("Mul", [state, "sigmoid"]), row], { output: "next" });
    g.output(next, "float32", [4]);
    g.output(g.node("Tanh", [next], { output: "seen" }), "float32", [4]);
  });
  const attributes = { body, num_scan_inputs: 1 };
  const [last = "", seen = ""] = b.node("Scan", ["relu", rows], { outputs: 2, attributes });
  b.output(b.node("Neg", [seen]));
  b.output(last);
  expect(await splitByNode(b.build(), "basic")).toEqual(["Exp", "Neg", "Relu", "Scan", "Sigmoid"]);
});

/** A scale and two zero points, and 8-bit weights for a convolution. */
function quantised(name: string): ModelBuilder {
  const b = createBuilder({ name });
  b.weight("scale", [], [0.02]);
  b.weight("zero", [], [128], "uint8");
  b.weight("zero8", [], [0], "int8");
  const weights = Int8Array.from({ length: 144 }, (_, i) => ((i * 37) % 200) - 100);
  b.weight("w", [4, 4, 3, 3], weights);
  return b;
}

test.each(["basic", "extended"] as const)(
  "a model between QuantizeLinear and DequantizeLinear splits bit for bit at level %s",
  async (level) => {
    const b = quantised("pairs");
    const around = (x: string) =>
      b.node("DequantizeLinear", [b.node("QuantizeLinear", [x, "scale", "zero"]), "scale", "zero"]);
    const x = around(b.input("x", "float32", [1, 4, 6, 6]));
    const w = b.node("DequantizeLinear", ["w", "scale", "zero8"]);
    const y = around(
      b.node("Relu", [b.node("Conv", [x, w], { attributes: { pads: [1, 1, 1, 1] } })]),
    );
    b.output(b.node("GlobalAveragePool", [around(b.node("Add", [x, y]))]));
    expect((await splitByNode(b.build(), level)).length).toBeGreaterThan(3);
  },
);

test("integer operators split bit for bit", async () => {
  const b = quantised("integer");
  const q = b.node("QuantizeLinear", [b.input("x", "float32", [1, 4, 6, 6]), "scale", "zero"]);
  b.node("QLinearConv", [q, "scale", "zero", "w", "scale", "zero8", "scale", "zero"], {
    output: "c",
  });
  b.output(b.node("DequantizeLinear", ["c", "scale", "zero"]));
  b.output(b.node("ConvInteger", [q, "w", "zero", "zero8"]), "int32");
  expect(await splitByNode(b.build(), "basic")).toEqual([
    "ConvInteger",
    "DequantizeLinear",
    "QLinearConv",
    "QuantizeLinear",
  ]);
});

test("quantisation at run time splits bit for bit, fused or not", async () => {
  const b = createBuilder({ name: "dynamic" });
  b.weight(
    "w",
    [64, 32],
    Int8Array.from({ length: 2048 }, (_, i) => ((i * 37) % 200) - 100),
  );
  const x = b.node("Neg", [b.input("x", "float32", [3, 64])]);
  const [q = "", scale = "", zero = ""] = b.node("DynamicQuantizeLinear", [x], { outputs: 3 });
  const product = b.node("MatMulInteger", [q, "w", zero, b.weight("zero8", [], [0], "int8")]);
  const sum = b.node("Cast", [product], { attributes: { to: 1 } });
  const scales = b.node("Mul", [scale, b.weight("scale8", [], [0.01])]);
  b.output(b.node("Relu", [b.node("Mul", [sum, scales])]));
  expect(await splitByNode(b.build(), "basic")).toContain("MatMulInteger");
  const fused = await splitByNode(b.build(), "extended");
  expect(fused).toEqual(["Neg", "Relu", "com.microsoft:DynamicQuantizeMatMul"]);
});

test("a sparse initialiser that two parts read is in both", async () => {
  const b = createBuilder({ name: "sparse" });
  b.node("Add", [b.input("x", "float32", [4]), "k"], { output: "y" });
  b.output(b.node("Mul", ["y", "k"]));
  const model = b.build();
  mainGraph(model.proto).sparseInitializer.push({
    $typeName: "onnx.SparseTensorProto",
    dims: [4n],
    values: tensor([2], [5, 7], "float32", "k"),
    indices: tensor([2], [1, 3], "int64"),
  });
  expect(await splitByNode(model, "extended")).toEqual(["Add", "Mul"]);
});

test("a random value made in a subgraph is made once, not in every part that reads it", async () => {
  const b = createBuilder({ name: "random" });
  b.weight("times", [], [2], "int64");
  b.weight("yes", [], [1], "bool");
  b.weight("start", [4], [0, 0, 0, 0]);
  const body = b.subgraph("body", (g) =>
    loopBody(g, [4], (state) =>
      g.node("Add", [state, g.node("RandomNormal", [], { attributes: { shape: [4] } })], {
        output: "next",
      }),
    ),
  );
  b.node("Loop", ["times", "yes", "start"], { outputs: ["noise"], attributes: { body } });
  const x = b.input("x", "float32", [4]);
  b.output(b.node("Add", [x, "noise"]));
  b.output(b.node("Mul", [x, "noise"]));
  const { graph } = await prepareGraph(readOnnx(encodeOnnx(b.build())), { level: "basic" });
  expect(graph.nodes.map(({ operator }) => operator).sort()).toEqual(["Add", "Loop", "Mul"]);
});

test("an output that is listed twice is one output of the graph", async () => {
  const b = createBuilder({ name: "twice" });
  const y = b.node("Relu", [b.input("x", "float32", [4])]);
  b.output(y);
  b.output(y);
  b.output("x");
  const { graph } = await prepareGraph(readOnnx(encodeOnnx(b.build())), { level: "basic" });
  expect(graph.outputs).toEqual([y, "x"]);
});
