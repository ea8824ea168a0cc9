import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../../test/fixtures/code-of.ts";
import { packStrings } from "../../graph/string-value.ts";
import { bytesPerElement } from "../../graph/tensor-value.ts";
import { type Datatype, dataTypeOf, datatypes } from "./datatypes.ts";
import { readJsonData, writeJsonData } from "./json-data.ts";

const numeric = datatypes.filter((datatype) => datatype !== "BYTES" && datatype !== "BOOL");

function read(datatype: Datatype, data: readonly unknown[], shape = [data.length]) {
  return readJsonData("x", datatype, shape, data);
}

function rewritten(datatype: Datatype, data: readonly unknown[]): unknown {
  return JSON.parse(writeJsonData("x", datatype, read(datatype, data)));
}

/** The least and the largest number of each type, and some between. */
const samples: Readonly<Record<Exclude<Datatype, "BYTES" | "BOOL">, readonly number[]>> = {
  UINT8: [0, 1, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0, 9_007_199_254_740_991],
  INT8: [-128, 0, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [-9_007_199_254_740_991, 9_007_199_254_740_991],
  FP16: [-65_504, 0.5, -0, 2 ** -24],
  BF16: [-1, 3.140625, 2 ** 120],
  FP32: [Math.fround(0.1), -0, 3.4028234663852886e38],
  FP64: [0.1, -1.7976931348623157e308, 5e-324],
};

test("numbers of each datatype come back as they were", () => {
  for (const [datatype, data] of Object.entries(samples)) {
    expect(rewritten(datatype as Datatype, data)).toEqual(data);
    expect(read(datatype as Datatype, data).dataType).toBe(dataTypeOf(datatype as Datatype));
  }
  expect(rewritten("BOOL", [true, false])).toEqual([true, false]);
});

test("whole numbers beyond what their type holds are refused, with what it holds", () => {
  for (const datatype of numeric.filter((name) => name.includes("INT"))) {
    const [least = 0] = samples[datatype as "INT8"];
    const most = samples[datatype as "INT8"].at(-1) ?? 0;
    for (const value of [least - 1, most + 1, 0.5, "1", null, true]) {
      expect(codeOf(() => read(datatype, [value]))).toBe("REQUEST_INVALID");
    }
  }
  expect(() => read("UINT8", [1, 300])).toThrow(
    "element 1 of input 'x' is 300; UINT8 needs a whole number from 0 to 255",
  );
});

test("floats that would become infinite, and what is no number, are refused", () => {
  for (const [datatype, value] of [
    ["FP16", 65_520],
    ["BF16", 1e39],
    ["FP32", 1e39],
  ] as const) {
    expect(codeOf(() => read(datatype, [value]))).toBe("REQUEST_INVALID");
  }
  for (const datatype of ["FP16", "BF16", "FP32", "FP64"] as const) {
    for (const value of ["1", null, true, [], {}]) {
      expect(codeOf(() => read(datatype, [value], [1]))).toBe("REQUEST_INVALID");
    }
  }
  for (const value of [0, "true", null]) {
    expect(codeOf(() => read("BOOL", [value]))).toBe("REQUEST_INVALID");
  }
});

test("nested arrays say the same as flat ones", () => {
  const flat = read("INT32", [1, 2, 3, 4, 5, 6], [2, 3]);
  expect(
    read(
      "INT32",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [2, 3],
    ),
  ).toEqual(flat);
  expect(read("INT32", [[[1], 2], [], 3, [4, [5, 6]]], [2, 3])).toEqual(flat);
});

test("as many elements must come as the shape needs, and no memory is taken for others", () => {
  for (const shape of [[3], [2 ** 50], [0], [2, 2]]) {
    expect(codeOf(() => read("FP64", [1, 2], shape))).toBe("REQUEST_INVALID");
  }
  expect(read("FP64", [], [0, 4]).data.byteLength).toBe(0);
});

test("texts come back as they were, and stand behind their lengths", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (texts) => {
      expect(rewritten("BYTES", texts)).toEqual(texts);
    }),
  );
  expect(rewritten("BYTES", ["\uFEFFmark"])).toEqual(["\uFEFFmark"]);
  expect([...read("BYTES", ["ä"]).data]).toEqual([2, 0, 0, 0, 0xc3, 0xa4]);
});

test("texts that UTF-8 cannot say are refused in both directions", () => {
  for (const element of ["\ud800", "a\udc00b", 5, null, ["a", 1]]) {
    expect(codeOf(() => read("BYTES", [element], [1]))).toBe("REQUEST_INVALID");
  }
  const data = packStrings([new Uint8Array([0xff])]);
  const value = { dataType: "string", shape: [1], data };
  expect(codeOf(() => writeJsonData("x", "BYTES", value))).toBe("TENSOR_MALFORMED");
});

test("floats that JSON cannot say are null", () => {
  const data = new Uint8Array(new Float32Array([NaN, Infinity, -Infinity, 1]).buffer);
  const text = writeJsonData("x", "FP32", { dataType: "float32", shape: [4], data });
  expect(text).toBe("[null,null,null,1]");
});

test("64-bit numbers beyond 2^53 are written with all their digits", () => {
  const data = new Uint8Array(new BigInt64Array([2n ** 63n - 1n]).buffer);
  const text = writeJsonData("x", "INT64", { dataType: "int64", shape: [1], data });
  expect(text).toBe("[9223372036854775807]");
});

test("a tensor takes the bytes of its elements", () => {
  for (const datatype of numeric) {
    expect(read(datatype, [1, 1, 1]).data.byteLength).toBe(
      3 * (bytesPerElement(dataTypeOf(datatype)) ?? 0),
    );
  }
});
