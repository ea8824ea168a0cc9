import { expect, test } from "vitest";
import { errorOf } from "../../test/fixtures/code-of.ts";
import { bindShapes, openDimensions, requireBound } from "./bind.ts";
import { createBuilder } from "./build.ts";
import { mainGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { readType } from "./type-proto.ts";

function model(): OnnxModel {
  const b = createBuilder({ name: "open" });
  b.input("image", "float32", ["N", 3, "H", "W"]);
  b.input("scale", "float32", ["N", ""]);
  b.weight("w", [1], [1], "float32");
  b.node("Mul", ["image", "w"], { output: "y" });
  b.output("y", "float32", ["N", 3, "H2", "W"]);
  return b.build();
}

const inputShapes = (bound: OnnxModel) =>
  mainGraph(bound.proto).input.map(({ type }) => readType(type)?.shape);

test("lists open dimensions with input, axis and symbol", () => {
  expect(openDimensions(model())).toEqual([
    { input: "image", axis: 0, symbol: "N" },
    { input: "image", axis: 2, symbol: "H" },
    { input: "image", axis: 3, symbol: "W" },
    { input: "scale", axis: 0, symbol: "N" },
    { input: "scale", axis: 1, symbol: null },
  ]);
});

test("binds a symbol everywhere and drops output shapes that stay open", () => {
  const bound = bindShapes(model(), { image: [2, 3, 32, 64] });
  expect(inputShapes(bound)).toEqual([
    [2, 3, 32, 64],
    [2, ""],
  ]);
  expect(readType(mainGraph(bound.proto).output[0]?.type)?.shape).toBeNull();
  expect(openDimensions(bound)).toEqual([{ input: "scale", axis: 1, symbol: null }]);
  expect(errorOf(() => requireBound(bindShapes(bound, { scale: [2, 5] })))).toBe("none");
});

test("takes inputs that are named like properties of every object", () => {
  const b = createBuilder({ name: "unlucky" });
  for (const name of ["constructor", "toString"]) b.input(name, "float32", ["N", 4]);
  b.output(b.node("Sum", ["constructor", "toString"]));
  expect(inputShapes(bindShapes(b.build(), { toString: [2, 4] }))).toEqual([
    [2, 4],
    [2, 4],
  ]);
});

test("leaves the model that it was given alone", () => {
  const open = model();
  bindShapes(open, { image: [2, 3, 32, 64] });
  expect(openDimensions(open)).toHaveLength(5);
});

test.each([
  [{ image: [1, 4, 8, 8] }, /^TENSOR_SHAPE_MISMATCH.*dimension 1 is fixed to 3/],
  [{ image: [1, 3, 8] }, /^TENSOR_SHAPE_MISMATCH.*3 dimensions are given, 4 are needed/],
  [{ image: [1, 3, 8, 8], scale: [2, 1] }, /^TENSOR_SHAPE_MISMATCH.*'N' is 1 already/],
  [{ image: [1, 3, -8, 8] }, /^TENSOR_SHAPE_MISMATCH.*-8 is no size/],
  [{ picture: [1] }, /^TENSOR_UNKNOWN.*'picture'.*image, scale/],
])("refuses the shapes %j", (shapes, message) => {
  expect(errorOf(() => bindShapes(model(), shapes as unknown as Record<string, number[]>))).toMatch(
    message,
  );
});

test("says what must be bound, and how", () => {
  expect(errorOf(() => requireBound(model()))).toMatch(
    /^SHAPE_UNBOUND.*image \[N, 3, H, W\], scale \[N, \?\].*--shape image=1,3,320,320 --shape scale=1,128/,
  );
});
