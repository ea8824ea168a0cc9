import { expect, test } from "vitest";
import { bytes, flop } from "../base/units.ts";
import { type GraphIndex, indexGraph, type Node } from "./graph.ts";
import {
  leavingRegions,
  leavingTensors,
  shareOfNode,
  shareOfTensor,
  tileOf,
  wholeTile,
} from "./tile.ts";
import type { Region, Rows, Window } from "./window.ts";

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

/** Rows with all of the three columns. */
function rows(from: number, to: number): Region {
  return [
    { from, to },
    { from: 0, to: 3 },
  ];
}

function rowsOf(region: Region | undefined): Rows | undefined {
  return region?.[0];
}

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
  const middle = tileOf(index, [0, 1], new Map([[2, rows(4, 8)]]));
  expect(rowsOf(middle.nodes.get(0))).toEqual({ from: 3, to: 9 });
  expect(rowsOf(middle.nodes.get(1))).toEqual({ from: 4, to: 8 });
  expect(rowsOf(middle.tensors.get(0))).toEqual({ from: 2, to: 10 });
  const first = tileOf(index, [0, 1], new Map([[2, rows(0, 4)]]));
  expect(rowsOf(first.tensors.get(0))).toEqual({ from: 0, to: 6 });
  expect(shareOfNode(index, 0, rows(3, 9))).toBe(0.5);
  expect(shareOfTensor(index, 0, rows(2, 5))).toBe(0.25);
});

test("a residual branch widens what its block reads to what both branches need", () => {
  const index = graphOf(8, [
    ["a", square(3, 1, 1), ["x"], 8],
    ["sum", elementwise, ["x", "a"], 8],
    ["pool", square(2, 2, 0), ["sum"], 4],
  ]);
  const tile = tileOf(index, [0, 1, 2], new Map([[3, rows(1, 2)]]));
  expect(rowsOf(tile.nodes.get(1))).toEqual({ from: 2, to: 4 });
  expect(rowsOf(tile.nodes.get(0))).toEqual({ from: 2, to: 4 });
  expect(rowsOf(tile.tensors.get(0))).toEqual({ from: 1, to: 5 });
});

test("all that leaves some nodes is cut in the same parts", () => {
  const index = graphOf(8, [
    ["a", elementwise, ["x"], 8],
    ["b", square(2, 2, 0), ["a"], 4],
    ["c", square(2, 2, 0), ["b"], 2],
    ["end", elementwise, ["a"], 8],
  ]);
  expect(leavingTensors(index, [0, 1, 2])).toEqual([1]);
  expect(leavingTensors(index, [0, 1])).toEqual([1, 2]);
  const parts = [rows(0, 3), rows(3, 4)].map((own) => leavingRegions(index, [0, 1], 2, own));
  expect(parts.map((part) => rowsOf(part.get(1)))).toEqual([
    { from: 0, to: 6 },
    { from: 6, to: 8 },
  ]);
  const tile = tileOf(index, [0, 1], parts[1] ?? new Map());
  expect([0, 1].map((node) => rowsOf(tile.nodes.get(node)))).toEqual([
    { from: 6, to: 8 },
    { from: 3, to: 4 },
  ]);
});

test("a machine alone makes every row, also those that a stride steps over", () => {
  const index = graphOf(8, [
    ["a", elementwise, ["x"], 8],
    ["b", square(1, 2, 0), ["a"], 4],
  ]);
  expect(rowsOf(tileOf(index, [0, 1], new Map([[2, rows(0, 4)]])).nodes.get(0))).toEqual({
    from: 0,
    to: 7,
  });
  expect(rowsOf(wholeTile(index, [0, 1]).nodes.get(0))).toEqual({ from: 0, to: 8 });
  expect(rowsOf(wholeTile(index, [0, 1]).tensors.get(2))).toEqual({ from: 0, to: 4 });
});
