import { expect, test } from "vitest";
import { contract } from "./contract.ts";
import { type Graph, indexGraph } from "./graph.ts";

/** A graph of nodes that read each other's one tensor. */
function graphOf(predecessors: readonly (readonly number[])[]) {
  const graph = {
    name: "small",
    inputs: [],
    outputs: [],
    tensors: predecessors.map((_, node) => ({
      name: `t${node}`,
      dataType: "uint8",
      shape: [1],
      bytes: 1,
    })),
    nodes: predecessors.map((before, node) => ({
      name: `n${node}`,
      operator: "Op",
      inputs: before.map((other) => `t${other}`),
      outputs: [`t${node}`],
      flop: null,
      parameterBytes: 0,
    })),
  };
  return indexGraph(graph as unknown as Graph);
}

test("leaves a graph without groups as it is", () => {
  const { units, predecessors } = contract(graphOf([[], [0], [1]]), []);
  expect(units).toEqual([[0], [1], [2]]);
  expect(predecessors).toEqual([[], [0], [1]]);
});

test("takes in what lies between the nodes of a group", () => {
  const { units, unitOf, predecessors } = contract(graphOf([[], [0], [1], [2], [3]]), [[1, 3]]);
  expect(units).toEqual([[0], [1, 2, 3], [4]]);
  expect(unitOf).toEqual([0, 1, 1, 1, 2]);
  expect(predecessors).toEqual([[], [0], [1]]);
});

test("keeps apart what only stands beside a group", () => {
  const { units } = contract(graphOf([[], [0], [0], [1]]), [[1, 3]]);
  expect(units.map(String).sort()).toEqual(["0", "1,3", "2"]);
});

test("joins two groups that feed each other, and groups that share a node", () => {
  expect(
    contract(graphOf([[], [], [0], [1]]), [
      [0, 3],
      [1, 2],
    ]).units,
  ).toEqual([[0, 1, 2, 3]]);
  expect(
    contract(graphOf([[], [], []]), [
      [0, 1],
      [1, 2],
    ]).units,
  ).toEqual([[0, 1, 2]]);
});

test("puts units in an order in which each stands behind those that feed it", () => {
  const { predecessors } = contract(graphOf([[], [], [1], [0], [2, 3]]), [[0, 2]]);
  for (const [unit, before] of predecessors.entries()) {
    for (const other of before) expect(other).toBeLessThan(unit);
  }
});
