import { expect, test } from "vitest";
import { bytes, flop } from "../base/units.ts";
import { type GraphIndex, indexGraph, type Node } from "./graph.ts";
import { shareOfNode, shareOfTensor, tileOf, wholeTile } from "./tile.ts";
import type { Window } from "./window.ts";

function square(kernel: number, stride: number, pad: number): Window {
  return {
    kernel: [kernel, kernel],
    stride: [stride, stride],
    dilation: [1, 1],
    padBegin: [pad, pad],
    padEnd: [pad, pad],
  };
}

const elementwise = square(1, 1, 0);

/** Nodes with their window, what they read and the height of what they make. */
type Step = readonly [name: string, window: Window, inputs: readonly string[], height: number];

function graphOf(height: number, steps: readonly Step[]): GraphIndex {
  const tensor = (name: string, rows: number) => ({
    name,
    dataType: "float32",
    shape: [1, 2, rows, 3],
    bytes: bytes(24 * rows),
  });
  const nodes = steps.map(
    ([name, window, inputs]): Node => ({
      name,
      operator: "Conv",
      inputs,
      outputs: [name],
      flop: flop(0),
      parameterBytes: bytes(0),
      window,
    }),
  );
  return indexGraph({
    name: "g",
    inputs: ["x"],
    outputs: [steps.at(-1)?.[0] ?? "x"],
    tensors: [tensor("x", height), ...steps.map(([name, , , rows]) => tensor(name, rows))],
    nodes,
  });
}

test("two kernels of three rows need a halo of two, and only inside", () => {
  const index = graphOf(12, [
    ["a", square(3, 1, 1), ["x"], 12],
    ["b", square(3, 1, 1), ["a"], 12],
  ]);
  const middle = tileOf(index, [0, 1], { from: 4, to: 8 });
  expect(middle.nodes.get(0)).toEqual({ from: 3, to: 9 });
  expect(middle.nodes.get(1)).toEqual({ from: 4, to: 8 });
  expect(middle.tensors.get(0)).toEqual({ from: 2, to: 10 });
  const first = tileOf(index, [0, 1], { from: 0, to: 4 });
  expect(first.tensors.get(0)).toEqual({ from: 0, to: 6 });
  expect(shareOfNode(index, 0, { from: 3, to: 9 })).toBe(0.5);
  expect(shareOfTensor(index, 0, { from: 2, to: 5 })).toBe(0.25);
});

test("a residual branch widens what its block reads to what both branches need", () => {
  const index = graphOf(8, [
    ["a", square(3, 1, 1), ["x"], 8],
    ["sum", elementwise, ["x", "a"], 8],
    ["pool", square(2, 2, 0), ["sum"], 4],
  ]);
  const tile = tileOf(index, [0, 1, 2], { from: 1, to: 2 });
  expect(tile.nodes.get(1)).toEqual({ from: 2, to: 4 });
  expect(tile.nodes.get(0)).toEqual({ from: 2, to: 4 });
  expect(tile.tensors.get(0)).toEqual({ from: 1, to: 5 });
});

test("a machine alone makes every row, also those that a stride steps over", () => {
  const index = graphOf(8, [
    ["a", elementwise, ["x"], 8],
    ["b", square(1, 2, 0), ["a"], 4],
  ]);
  expect(tileOf(index, [0, 1], { from: 0, to: 4 }).nodes.get(0)).toEqual({ from: 0, to: 7 });
  expect(wholeTile(index, [0, 1]).nodes.get(0)).toEqual({ from: 0, to: 8 });
  expect(wholeTile(index, [0, 1]).tensors.get(2)).toEqual({ from: 0, to: 4 });
});
