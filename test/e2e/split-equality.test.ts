import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import type { OptimisationLevel } from "../../src/cost/profile.ts";
import { type GraphIndex, indexGraph } from "../../src/graph/graph.ts";
import type { TensorType } from "../../src/graph/tensor-value.ts";
import { createBuilder, type ModelBuilder } from "../../src/onnx/build.ts";
import { extractPart } from "../../src/onnx/extract.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import { groupStages } from "../../src/plan/stages.ts";
import { compareTensors } from "../../src/runtime/compare.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { type PreparedGraph, prepareGraph } from "../../src/runtime/prepare.node.ts";
import type { Session, TensorValues } from "../../src/runtime/runtime.ts";
import { sampleInputs } from "../../src/runtime/sample-inputs.ts";
import { runSplit } from "../../src/runtime/split-run.ts";
import { type ZooName, zoo, zooNames } from "../../src/zoo/zoo.ts";
import { longRun } from "../conformance/planner.ts";

const runtime = createOnnxRuntime();
const levels: readonly OptimisationLevel[] = ["basic", "extended"];
const devices = 3;

/** The smallest pictures (for BERT: texts) that each network takes. */
const resolutions: Partial<Record<ZooName, number>> = { bert: 8, inceptionv4: 80, alexnet: 64 };

/** Each with placements of its own; most of the time sessions are made. */
const networks = zooNames.flatMap((name) => [
  { name, level: "basic", placements: longRun ? 5 : 3, seed: 5 } as const,
  { name, level: "extended", placements: longRun ? 5 : 2, seed: 6 } as const,
]);

test.each(networks)(
  "$name at $level: parts of $placements placements answer as the whole",
  async (row) => {
    const small = {
      width: 0.125,
      resolution: resolutions[row.name] ?? 32,
      blocks: 2,
      classes: 10,
    };
    const model = zoo[row.name].build(longRun ? {} : small);
    const prepared = await prepareGraph(model, { level: row.level });
    const { placements, seed } = row;
    await expectEqual(prepared, (index, random) => inRuns(index, random), placements, seed);
  },
  longRun ? 600_000 : 120_000,
);

test("nodes strewn over devices at random answer as the whole", async () => {
  const model = zoo.squeezenet.build({ width: 0.125, resolution: 32, classes: 10 });
  const prepared = await prepareGraph(model, { level: "extended" });
  await expectEqual(prepared, (index, random) => strewn(index, random), 1);
});

const cases: Readonly<Record<string, () => OnnxModel>> = {
  "nodes without names": () =>
    write((b) => {
      const x = b.input("x", "float32", [1, 4]);
      const doubled = b.node("Add", [x, x], { name: "" });
      const curved = b.node("Sigmoid", [doubled], { name: "" });
      b.output(b.node("Mul", [curved, x], { name: "" }));
    }),
  "nodes of one name": () =>
    write((b) => {
      const x = b.input("x", "float32", [1, 4]);
      const first = b.node("Tanh", [x], { name: "same" });
      const second = b.node("Exp", [first], { name: "same" });
      b.output(b.node("Sub", [second, x], { name: "same" }));
    }),
  float16: () =>
    write((b) => {
      const x = b.input("x", "float16", [2, 4]);
      const w = b.weight("w", [4, 4], new Uint16Array(16).fill(0x3555), "float16");
      const product = b.node("MatMul", [x, w]);
      const bounded = b.node("Sigmoid", [product]);
      b.output(b.node("Add", [bounded, x]), "float16");
    }),
  "int8 and uint8, quantised": () =>
    write((b) => {
      const x = b.input("x", "float32", [1, 2, 6, 6]);
      const [xScale, yScale, wScale] = ["xs", "ys", "ws"].map((name, position) =>
        b.weight(name, [], [0.01 * (position + 1)]),
      ) as [string, string, string];
      const xZero = b.weight("xz", [], [3], "uint8");
      const wZero = b.weight("wz", [], [0], "int8");
      const values = Array.from({ length: 54 }, (_, position) => (position % 17) - 8);
      const w = b.weight("w", [3, 2, 3, 3], values, "int8");
      const coded = b.node("QuantizeLinear", [x, xScale, xZero]);
      const product = b.node("QLinearConv", [
        coded,
        xScale,
        xZero,
        w,
        wScale,
        wZero,
        yScale,
        xZero,
      ]);
      const decoded = b.node("DequantizeLinear", [product, yScale, xZero]);
      const codes = b.node("DynamicQuantizeLinear", [decoded], { outputs: 3 });
      const [code = "", codeScale = "", codeZero = ""] = codes;
      const whole = b.node("ConvInteger", [code, w2(b), codeZero]);
      const numbers = b.node("Cast", [whole], { attributes: { to: 1 } });
      b.output(b.node("Mul", [numbers, codeScale]));
    }),
  "control flow that captures tensors from outside": () =>
    write((b) => {
      const x = b.input("x", "float32", [4]);
      const condition = b.input("condition", "bool", []);
      const doubled = b.node("Add", [x, x]);
      const branch = (operator: string) =>
        b.subgraph(operator, (inner) => {
          inner.output(inner.node(operator, [doubled], { output: `${operator}_result` }));
        });
      const chosen = b.node("If", [condition], {
        attributes: { then_branch: branch("Sin"), else_branch: branch("Cos") },
      });
      const count = b.weight("count", [], [3], "int64");
      const body = b.subgraph("body", (inner) => {
        inner.input("turn", "int64", []);
        const goOn = inner.input("goOn", "bool", []);
        const state = inner.input("state", "float32", [4]);
        inner.output(inner.node("Identity", [goOn], { output: "goOnStill" }), "bool", []);
        inner.output(inner.node("Mul", [state, doubled], { output: "next" }), "float32", [4]);
      });
      const [looped = ""] = b.node("Loop", [count, "", chosen], {
        outputs: 1,
        attributes: { body },
      });
      b.output(b.node("Exp", [looped]));
    }),
  "several inputs and outputs, one of them in the middle": () =>
    write((b) => {
      const x = b.input("x", "float32", [3]);
      const y = b.input("y", "int64", [3]);
      const numbers = b.node("Cast", [y], { attributes: { to: 1 } });
      const sum = b.node("Add", [x, numbers], { output: "sum" });
      b.output(sum);
      b.output(b.node("Exp", [sum], { output: "power" }));
      b.output(b.node("Max", [sum, x], { output: "larger" }));
    }),
};

test.each(Object.keys(cases))("%s: parts answer as the whole", async (name) => {
  const model = cases[name]?.() as OnnxModel;
  for (const level of levels) {
    const prepared = await prepareGraph(model, { level });
    await expectEqual(prepared, (index, random) => strewn(index, random), 3);
  }
});

test("dimensions that are left open stay open in the parts", async () => {
  const model = write((b) => {
    const x = b.input("x", "float32", ["N", 4]);
    b.output(b.node("Exp", [b.node("Tanh", [x], { name: "first" })], { name: "second" }));
  });
  const shapes = { x: [2, 4] };
  const { model: optimised, openTypes } = await prepareGraph(model, { level: "basic", shapes });
  const parts = ["first", "second"].map((node) => extractPart(optimised, [node], openTypes));
  const sessions = await Promise.all(parts.map((part) => runtime.load(part, { threads: 1 })));
  expect(sessions.map(({ inputs }) => inputs[0]?.shape)).toEqual([
    ["N", 4],
    ["N", 4],
  ]);
  const [output = ""] = sessions[1]?.outputs.map((tensor) => tensor.name) ?? [];
  for (const rows of [1, 5]) {
    const values = sampleInputs([{ name: "x", dataType: "float32", shape: [rows, 4] }]);
    const { outputs } = await runSplit(sessions, values, [output]);
    expect(outputs[output]?.shape).toEqual([rows, 4]);
  }
  await Promise.all(sessions.map((session) => session.release()));
});

function write(draw: (builder: ModelBuilder) => void): OnnxModel {
  const builder = createBuilder({ name: "drawn" });
  draw(builder);
  return builder.build();
}

function w2(builder: ModelBuilder): string {
  const values = Array.from({ length: 6 }, (_, position) => position * 20);
  return builder.weight("w2", [2, 3, 1, 1], values, "uint8");
}

/** A few runs of the graph order on devices drawn at random: stages convex or not, of some size. */
function inRuns(index: GraphIndex, random: Random): number[] {
  const count = index.graph.nodes.length;
  const cuts = [1, 2, 3].map(() => random.integer(count)).sort((a, b) => a - b);
  const drawn = [...cuts, count].map(() => random.integer(devices));
  return index.graph.nodes.map((_, node) => drawn[cuts.filter((cut) => cut <= node).length] ?? 0);
}

function strewn(index: GraphIndex, random: Random): number[] {
  return index.graph.nodes.map(() => random.integer(devices));
}

async function expectEqual(
  prepared: PreparedGraph,
  place: (index: GraphIndex, random: Random) => number[],
  placements: number,
  seed = 5,
): Promise<void> {
  const { model, graph, types } = prepared;
  const index = indexGraph(graph);
  const random = createRandom(seed);
  const inputs = inputsOf(graph.inputs, types);
  const whole = await runAll([model], inputs, graph.outputs);
  for (let count = 0; count < placements; count++) {
    const stages = groupStages(index, place(index, random));
    const parts = stages.map(({ nodes }) => {
      const names = nodes.map((node) => graph.nodes[node]?.name ?? "");
      return extractPart(model, names, types);
    });
    const split = await runAll(parts, inputs, graph.outputs);
    for (const name of graph.outputs) {
      const [expected, observed] = [whole[name], split[name]];
      if (expected === undefined || observed === undefined) throw new Error(`${name} is missing`);
      expect(compareTensors(expected, observed), name).toMatchObject({ bitEqual: true });
    }
  }
}

function inputsOf(names: readonly string[], types: ReadonlyMap<string, TensorType>): TensorValues {
  return sampleInputs(
    names.map((name) => ({ name, ...(types.get(name) ?? { dataType: "float32", shape: [] }) })),
  );
}

async function runAll(
  models: readonly OnnxModel[],
  inputs: TensorValues,
  outputs: readonly string[],
): Promise<TensorValues> {
  const sessions: Session[] = [];
  try {
    for (const model of models) sessions.push(await runtime.load(model, { threads: 1 }));
    return (await runSplit(sessions, inputs, outputs)).outputs;
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}
