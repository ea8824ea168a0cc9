import { expect, test } from "vitest";
import { bytes } from "../base/units.ts";
import { indexGraph } from "../graph/graph.ts";
import { memoryBytes } from "./memory.ts";

/** x (1) → a → p (10) → b → q (100) → c → r (1000); c reads p again. Each node has 5 B of parameters. */
const index = indexGraph({
  name: "skip",
  inputs: ["x"],
  outputs: ["r"],
  tensors: Object.entries({ x: 1, p: 10, q: 100, r: 1000 }).map(([name, size]) => ({
    name,
    dataType: "uint8",
    shape: [size],
    bytes: bytes(size),
  })),
  nodes: (
    [
      ["a", ["x"], ["p"]],
      ["b", ["p"], ["q"]],
      ["c", ["q", "p"], ["r"]],
    ] as const
  ).map(([name, inputs, outputs]) => ({
    name,
    operator: "Any",
    inputs,
    outputs,
    flop: null,
    parameterBytes: bytes(5),
  })),
});

test("needs nothing for no nodes, not even the runtime", () => {
  expect(memoryBytes(index, [], 7)).toBe(0);
});

test("keeps a tensor from its first to its last use", () => {
  expect(memoryBytes(index, [0, 1, 2], 7)).toBe(7 + 15 + (10 + 100 + 1000));
});

test("keeps a tensor that is to be sent only until its last use on the device", () => {
  expect(memoryBytes(index, [0, 1], 0)).toBe(10 + (10 + 100));
  expect(memoryBytes(index, [0], 0)).toBe(5 + (1 + 10));
});

test("keeps a received tensor between two uses while another device works", () => {
  expect(memoryBytes(index, [1, 2], 0)).toBe(10 + (10 + 100 + 1000));
});
