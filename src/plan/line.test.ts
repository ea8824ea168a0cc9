import { expect, test } from "vitest";
import { between, type LinkSketch, problemOf } from "../../test/fixtures/sketch.ts";
import { findLine } from "./line.ts";
import type { Problem } from "./problem.ts";

test("devices whose links make a row are a line from one end to the other", () => {
  const problem = withLinks([...between("b", "a", 1), ...between("a", "c", 1)]);
  expect(findLine(problem)).toEqual({ devices: [1, 0, 2], up: [0, 2], down: [1, 3] });
});

test("a direct link that is never the fastest way leaves the line a line", () => {
  const problem = withLinks([
    ...between("a", "b", 1),
    ...between("b", "c", 1),
    ...between("a", "c", 3),
  ]);
  expect(findLine(problem)?.devices).toEqual([0, 1, 2]);
});

test("a direct link that is the fastest way for one size of tensor breaks the line", () => {
  // 9 bytes take 3 s + 9 s by the direct link and 18 s over b; 1 byte takes 4 s and 2 s.
  const problem = withLinks([
    ...between("a", "b", 1),
    ...between("b", "c", 1),
    ...between("a", "c", 1, 3),
  ]);
  expect(findLine(problem)).toBeNull();
});

test("a link that is missing in one direction is null", () => {
  const problem = withLinks([...between("a", "b", 1), { from: "b", to: "c", secondsPerByte: 1 }]);
  expect(findLine(problem)).toEqual({ devices: [0, 1, 2], up: [0, 2], down: [1, null] });
});

test("a ring and a hub of three are no lines", () => {
  const ring = [...between("a", "b", 1), ...between("b", "c", 1), ...between("c", "a", 1)];
  expect(findLine(withLinks(ring))).toBeNull();
  const hub = ["b", "c", "d"].flatMap((leaf) => between("a", leaf, 1));
  expect(findLine(withLinks(hub, ["a", "b", "c", "d"]))).toBeNull();
});

test("one device is a line", () => {
  expect(findLine(withLinks([], ["a"]))).toEqual({ devices: [0], up: [], down: [] });
});

function withLinks(links: readonly LinkSketch[], devices = ["a", "b", "c"]): Problem {
  return problemOf({
    inputs: { in: 9 },
    nodes: [{ name: "n", reads: ["in"], bytes: 1, seconds: devices.map(() => 1) }],
    outputs: ["n"],
    devices: devices.map((name) => ({ name })),
    links,
  });
}
