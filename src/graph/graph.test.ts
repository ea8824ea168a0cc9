import { expect, test } from "vitest";
import { bytes } from "../base/units.ts";
import { type Graph, indexGraph } from "./graph.ts";

type Wiring = Readonly<
  Record<string, readonly [inputs: readonly string[], outputs: readonly string[]]>
>;

function graphOf(inputs: string[], wiring: Wiring, outputs: string[], extra: string[] = []): Graph {
  const names = [...inputs, ...Object.values(wiring).flatMap(([, made]) => made), ...extra];
  return {
    name: "test",
    inputs,
    outputs,
    tensors: [...new Set(names)].map((name) => ({
      name,
      dataType: "float32",
      shape: [1],
      bytes: bytes(4),
    })),
    nodes: Object.entries(wiring).map(([name, [read, made]]) => ({
      name,
      operator: "Any",
      inputs: read,
      outputs: made,
      flop: null,
      parameterBytes: bytes(0),
    })),
  };
}

test("resolves producers and consumers, each node once", () => {
  const index = indexGraph(
    graphOf(
      ["x"],
      {
        a: [
          ["x", "x"],
          ["p", "q"],
        ],
        b: [["p", "q"], ["r"]],
        c: [["x", "r"], ["s"]],
      },
      ["s"],
    ),
  );
  expect(index.producer).toEqual([null, 0, 0, 1, 2]);
  expect(index.consumers).toEqual([[0, 2], [1], [1], [2], []]);
  expect(index.nodeInputs).toEqual([[0], [1, 2], [0, 3]]);
  expect(index.predecessors).toEqual([[], [0], [1]]);
  expect(index.successors).toEqual([[1], [2], []]);
});

const broken: readonly (readonly [string, Graph, RegExp])[] = [
  [
    "a cycle",
    graphOf(["x"], { a: [["x", "q"], ["p"]], b: [["p"], ["q"]] }, ["q"]),
    /node 'a' stands before or is 'b'/,
  ],
  [
    "a node that feeds itself",
    graphOf(["x"], { a: [["p"], ["p"]] }, ["p"]),
    /node 'a' stands before or is 'a'/,
  ],
  [
    "an unknown output",
    graphOf(["x"], { a: [["x"], ["p"]] }, ["z"]),
    /graph output names tensor 'z'/,
  ],
  [
    "a tensor from nowhere",
    graphOf(["x"], { a: [["x"], ["p"]] }, ["p"], ["z"]),
    /'z' is neither a graph input/,
  ],
  [
    "a tensor made twice",
    graphOf(["x"], { a: [["x"], ["p"]], b: [["x"], ["p"]] }, ["p"]),
    /'p' is made twice.*'b'/,
  ],
  [
    "a graph input that a node makes",
    graphOf(["x"], { a: [["x"], ["x"]] }, ["x"]),
    /'x' is made twice/,
  ],
];

test.each(broken)("refuses %s", (_, graph, message) => {
  expect(() => indexGraph(graph)).toThrow(
    expect.objectContaining({ code: "GRAPH_INVALID", message: expect.stringMatching(message) }),
  );
});

test("refuses two nodes of one name", () => {
  const graph = graphOf(["x"], { a: [["x"], ["p"]] }, ["p"]);
  const doubled = { ...graph, nodes: [...graph.nodes, ...graph.nodes] };
  expect(() => indexGraph(doubled)).toThrow(/two nodes are named 'a'/);
});
