import { expect, test } from "vitest";
import type { Region } from "../graph/window.ts";
import { createBuilder, type ModelBuilder } from "./build.ts";
import { toGraph } from "./graph.ts";
import { mainGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { extractTile } from "./tile.ts";
import { extractTiles } from "./tiles.ts";
import { readType } from "./type-proto.ts";

/** Two convolutions and a pool, with a branch around the second convolution and a flat end. */
function model(): { readonly model: OnnxModel; readonly graph: ReturnType<typeof toGraph> } {
  const b = createBuilder({ name: "tiny" });
  const x = b.input("x", "float32", [1, 2, 8, 8]);
  const a = convolution(b, x, "a");
  const c = convolution(b, a, "c");
  const sum = b.node("Add", [a, c], { name: "sum", output: "sum" });
  const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
  const pool = b.node("MaxPool", [sum], { name: "pool", output: "pool", attributes });
  b.output(b.node("Flatten", [pool], { name: "flat", output: "flat" }));
  const shape = [1, 2, 8, 8];
  const shapes = { x: shape, a: shape, c: shape, sum: shape, pool: [1, 2, 4, 4], flat: [1, 32] };
  const types = Object.entries(shapes).map(
    ([name, shape]) => [name, { dataType: "float32", shape }] as const,
  );
  const built = b.build();
  return { model: built, graph: toGraph(built, new Map(types)) };
}

function convolution(b: ModelBuilder, input: string, name: string): string {
  const weight = b.weight(`${name}.weight`, [2, 2, 3, 3], new Float32Array(36).fill(0.1));
  const attributes = { pads: [1, 1, 1, 1] };
  return b.node("Conv", [input, weight], { name, output: name, attributes });
}

function region(from: number, to: number, left: number, right: number): Region {
  return [
    { from, to },
    { from: left, to: right },
  ];
}

const nodes = ["a", "c", "sum", "pool"];
const { model: whole, graph } = model();

function operatorsOf({ proto }: OnnxModel): string[] {
  return mainGraph(proto).node.map(({ opType }) => opType);
}

test("a tile pads at true borders only, and crops what a branch has too much of", () => {
  const { part, inputs, outputs } = extractTile(
    whole,
    graph,
    nodes,
    new Map([["pool", region(2, 4, 0, 4)]]),
  );
  expect([...inputs]).toEqual([["x", region(2, 8, 0, 8)]]);
  expect([...outputs]).toEqual([["pool", region(2, 4, 0, 4)]]);
  const { node, input, output } = mainGraph(part.proto);
  expect(operatorsOf(part)).toEqual(["Conv", "Conv", "Slice", "Add", "MaxPool"]);
  const padsOf = (name: string) =>
    node
      .find((own) => own.name === name)
      ?.attribute.find((own) => own.name === "pads")
      ?.ints.map(Number);
  // Rows 3 to 8 of a are made from rows 2 to 8 of x; those of c from all of these.
  expect([padsOf("a"), padsOf("c")]).toEqual([
    [0, 1, 1, 1],
    [0, 1, 1, 1],
  ]);
  expect(readType(input[0]?.type)?.shape).toEqual([1, 2, 6, 8]);
  expect(readType(output[0]?.type)?.shape).toEqual([1, 2, 2, 4]);
});

test("all of a picture is made by the nodes as they are", () => {
  const { part } = extractTile(whole, graph, nodes, new Map([["pool", region(0, 4, 0, 4)]]));
  expect(operatorsOf(part)).toEqual(["Conv", "Conv", "Add", "MaxPool"]);
  expect(part.weights.get("a.weight")).toBe(whole.weights.get("a.weight"));
});

test("several tensors leave a tile, each with as much as its readers inside need, too", () => {
  const asked = new Map([
    ["a", region(0, 4, 0, 8)],
    ["c", region(0, 4, 0, 8)],
  ]);
  const { outputs } = extractTile(whole, graph, ["a", "c"], asked);
  expect([...outputs]).toEqual([
    ["a", region(0, 5, 0, 8)],
    ["c", region(0, 4, 0, 8)],
  ]);
});

test("nodes of which nothing is wanted are left out", () => {
  const asked = new Map([
    ["a", region(0, 4, 0, 8)],
    ["c", region(3, 3, 0, 8)],
  ]);
  const { part, outputs } = extractTile(whole, graph, ["a", "c"], asked);
  expect(operatorsOf(part)).toEqual(["Conv"]);
  expect([...outputs.keys()]).toEqual(["a"]);
});

test("tiles say what they compute more than once, and the bytes that enter and leave", () => {
  const halves = [region(0, 2, 0, 4), region(2, 4, 0, 4)];
  const { tiles, figures } = extractTiles(whole, graph, nodes, halves);
  expect(tiles).toHaveLength(2);
  // Of a five rows in each of both tiles, of all else four.
  const share = (graph.nodes[0]?.flop ?? 0) / 4 / figures.wholeFlop;
  expect(figures.redundancy).toBeCloseTo(share, 12);
  expect(figures.inputBytes).toEqual([6 * 64, 6 * 64]);
  expect(figures.outputBytes).toEqual([2 * 32, 2 * 32]);
});

test.each<[string, readonly string[], string, string]>([
  ["a node that needs all", ["pool", "flat"], "flat", "ONNX_UNSUPPORTED"],
  ["a node that is not there", ["b"], "pool", "TENSOR_UNKNOWN"],
  ["a tensor that none of the nodes makes", ["a", "c"], "pool", "TENSOR_UNKNOWN"],
])("refuses %s", (_, names, output, code) => {
  const asked = new Map([[output, region(0, 1, 0, 1)]]);
  expect(() => extractTile(whole, graph, names, asked)).toThrowError(
    expect.objectContaining({ code }),
  );
});
