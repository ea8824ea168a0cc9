import { expect, test } from "vitest";
import { codeOf } from "../../../test/fixtures/code-of.ts";
import {
  checkDatatype,
  checkShape,
  dataTypeOf,
  datatypeOf,
  datatypes,
  readRaw,
} from "./datatypes.ts";

test("every datatype of the protocol has an element type of its own", () => {
  const names = datatypes.map(dataTypeOf);
  expect(datatypes).toHaveLength(14);
  expect(new Set(names).size).toBe(14);
  expect(names.map(datatypeOf)).toEqual(datatypes);
  expect(dataTypeOf("FP32")).toBe("float32");
  expect(dataTypeOf("BYTES")).toBe("string");
  expect(datatypeOf("complex64")).toBe(null);
});

test("a datatype that the protocol has not is refused, whatever objects have under its name", () => {
  for (const name of ["FP128", "fp32", "", "constructor", "__proto__"]) {
    expect(codeOf(() => checkDatatype("x", name))).toBe("REQUEST_INVALID");
  }
  expect(checkDatatype("x", "INT8")).toBe("INT8");
});

test("a shape has whole sizes from 0 on, whose product can be counted", () => {
  for (const shape of [[], [0], [2, 3], [0, 5], Array.from({ length: 64 }, () => 1)]) {
    expect(checkShape("x", shape)).toEqual(shape);
  }
  const wrong: unknown[][] = [
    [-1],
    [1.5],
    ["2"],
    [null],
    [[2]],
    [2 ** 53],
    [2 ** 31, 2 ** 31],
    [0, 2 ** 31, 2 ** 31],
    Array.from({ length: 65 }, () => 1),
  ];
  for (const shape of wrong) expect(codeOf(() => checkShape("x", shape))).toBe("REQUEST_INVALID");
});

test("a truth value is 0 or 1", () => {
  expect(readRaw("x", "BOOL", [2], new Uint8Array([0, 1])).dataType).toBe("bool");
  expect(codeOf(() => readRaw("x", "BOOL", [2], new Uint8Array([0, 2])))).toBe("REQUEST_INVALID");
});
