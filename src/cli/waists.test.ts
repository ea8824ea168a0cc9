import { expect, test } from "vitest";
import { bytes, flop } from "../base/units.ts";
import { type Graph, indexGraph } from "../graph/graph.ts";
import { findWaists } from "./waists.ts";

type Row = readonly [name: string, reads: string, size: number];

/** Each node makes one tensor of its own name; `x` is the input, of 100 bytes. */
function graphOf(rows: readonly Row[]): Graph {
  const tensor = (name: string, size: number) => ({
    name,
    dataType: "uint8",
    shape: [size],
    bytes: bytes(size),
  });
  return {
    name: "g",
    inputs: ["x"],
    outputs: [rows.at(-1)?.[0] ?? ""],
    tensors: [tensor("x", 100), ...rows.map(([name, , size]) => tensor(name, size))],
    nodes: rows.map(([name, reads]) => ({
      name,
      operator: "Op",
      inputs: reads.split(" "),
      outputs: [name],
      flop: flop(10),
      parameterBytes: bytes(1),
    })),
  };
}

const namesOf = (rows: readonly Row[]) =>
  findWaists(indexGraph(graphOf(rows))).map(({ tensor }) => tensor);

test("finds tensors that cross alone and are smaller than all before them", () => {
  const chain = [
    ["a", "x", 80],
    ["b", "a", 90],
    ["c", "b", 80],
    ["d", "c", 20],
    ["e", "d", 10],
  ] as const;
  expect(namesOf(chain)).toEqual(["a", "d"]);
});

test("passes over places where two tensors cross, such as a bypass", () => {
  const bypass = [
    ["a", "x", 50],
    ["b", "a", 10],
    ["c", "a b", 40],
    ["d", "c", 1],
  ] as const;
  expect(namesOf(bypass)).toEqual(["a", "c"]);
});

test("tells how much work and how many parameters stand before the cut", () => {
  const [waist] = findWaists(
    indexGraph(
      graphOf([
        ["a", "x", 50],
        ["b", "a", 90],
      ]),
    ),
  );
  expect(waist).toMatchObject({ node: "a", inputRatio: 0.5, flopShare: 0.5, parameterBytes: 1 });
});

test("finds none where nothing is smaller than the input", () => {
  expect(
    namesOf([
      ["a", "x", 100],
      ["b", "a", 200],
      ["c", "b", 1],
    ]),
  ).toEqual([]);
});
