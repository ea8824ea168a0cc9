import fc from "fast-check";
import { expect, test } from "vitest";
import { pictureProblem } from "../../test/fixtures/picture-problem.ts";
import type { GraphIndex } from "../graph/graph.ts";
import { compose, mostKeptRegions } from "./compositions.ts";
import { extentsOf, readRegion, regionName } from "./region-name.ts";

const rows = (from: number, to: number) => [
  { from, to },
  { from: 0, to: 1 },
];

test("a region's name says of which tensor it is and which rows and columns, whatever the tensor is called", () => {
  const span = fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => ({
    from: Math.min(a, b),
    to: Math.max(a, b) + 1,
  }));
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.tuple(span, span), (tensor, region) => {
      const extents = { [tensor]: [10, 10] };
      expect(readRegion(regionName(tensor, region, extents), extents)).toEqual({ tensor, region });
    }),
  );
  expect(regionName("t", rows(0, 4), { t: [8, 1] })).toBe("t[0:4,0:1]");
  expect(regionName("t", rows(0, 8), { t: [8, 1] })).toBe("t");
  expect(readRegion("t[0:4,0:1]", {})).toEqual({ tensor: "t[0:4,0:1]", region: null });
});

test("nothing of a graph can be cut in which a tensor is named as regions are", () => {
  const { index } = pictureProblem({});
  expect(extentsOf(index)["in"]).toEqual([8, 1]);
  const [first, ...others] = index.graph.tensors;
  const graph = { ...index.graph, tensors: [{ ...first, name: "b[0:4,0:1]" }, ...others] };
  expect(extentsOf({ ...index, graph } as GraphIndex)).toEqual({});
});

test("a region is put together from those that are there first, and from no more than it takes", () => {
  const extents = { t: [8, 1] };
  const from = (region: string, ...regions: string[]) =>
    compose(region, regions, extents)?.from ?? null;
  expect(from("t[0:5,0:1]", "t[0:4,0:1]", "t[4:5,0:1]", "t[0:5,0:1]")).toEqual([
    "t[0:4,0:1]",
    "t[4:5,0:1]",
  ]);
  expect(from("t[2:3,0:1]", "t[3:8,0:1]", "t", "t[2:3,0:1]")).toEqual(["t"]);
  // The first two are made superfluous by what the third brings.
  expect(from("t", "t[1:3,0:1]", "t[4:6,0:1]", "t[0:7,0:1]", "t[7:8,0:1]")).toEqual([
    "t[0:7,0:1]",
    "t[7:8,0:1]",
  ]);
  expect(from("t", "t[0:4,0:1]", "t[5:8,0:1]")).toBe(null);
  expect(from("u", "u[0:1,0:1]")).toBe(null);
});

test("a name that says what its tensor does not have is no region of it, whoever sent it", () => {
  const extents = { t: [8, 1] };
  const names = [
    "t[0:5]",
    "t[0:5,0:1,0:1]",
    "t[-1:5,0:1]",
    "t[5:5,0:1]",
    "t[5:2,0:1]",
    "t[0:9,0:1]",
    "t[0:NaN,0:1]",
    `t[0:${"9".repeat(400)},0:1]`,
  ];
  for (const name of names) {
    expect(readRegion(name, extents)).toEqual({ tensor: name, region: null });
    expect(compose("t[0:5,0:1]", [name], extents)).toBe(null);
  }
});

test("of what somebody keeps no more is looked at than is worth it", () => {
  const rows = 2000;
  const regions = Array.from({ length: rows }, (_, row) => `t[${row}:${row + 1},0:1]`);
  const extents = { t: [rows, 1] };
  expect(compose("t", regions, extents, mostKeptRegions)).toBe(null);
  expect(compose("t[0:9,0:1]", regions, extents, mostKeptRegions)?.from).toHaveLength(9);
});
