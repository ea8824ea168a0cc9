import { expect, test } from "vitest";
import { passingModel } from "../../../test/fixtures/served-models.ts";
import { readSignature } from "../../runtime/signature.ts";
import { mostRows, rowsOf } from "./batch-axis.ts";
import { defaultLimits } from "./limits.ts";

const limits = { ...defaultLimits, bodyBytes: 1000 };

function signature(...shapes: readonly (readonly (number | string)[])[]) {
  const inputs = shapes.map((shape, at) => [`x${at}`, { dataType: "float32", shape }] as const);
  return readSignature(passingModel(Object.fromEntries(inputs)));
}

test("a request has as many rows as its first input where all first axes are open", () => {
  const open = signature(["N", 10], ["N", "L"]);
  const value = (shape: readonly number[]) => ({
    dataType: "float32",
    shape,
    data: new Uint8Array(),
  });
  // 44 bytes a row at least.
  expect(mostRows(open, limits)).toBe(22);
  expect(rowsOf(open, { x0: value([3, 10]), x1: value([3, 7]) })).toBe(3);
  expect(mostRows(signature(["N", 1000]), limits)).toBe(1);
});

test.each([
  ["one is fixed", signature(["N", 10], [1, 10])],
  ["one has no other axis", signature(["N", 10], ["N"])],
  ["there are no inputs", signature()],
])("there are no rows where %s", (_, model) => {
  expect(mostRows(model, limits)).toBe(0);
  const value = { dataType: "float32", shape: [5, 10], data: new Uint8Array() };
  expect(rowsOf(model, { x0: value })).toBe(1);
});
