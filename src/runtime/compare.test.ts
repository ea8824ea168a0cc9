import fc from "fast-check";
import { expect, test } from "vitest";
import { packStrings } from "../graph/string-value.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { compareTensors, isBitEqual } from "./compare.ts";

function tensor(dataType: string, view: ArrayBufferView<ArrayBuffer>): TensorValue {
  const data = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const width = { float64: 8, int64: 8, float32: 4, float16: 2, int8: 1, bool: 1 }[dataType] ?? 1;
  return { dataType, shape: [data.length / width], data };
}
const floats = (...values: number[]) => tensor("float32", new Float32Array(values));
const doubles = (...values: number[]) => tensor("float64", new Float64Array(values));
const halves = (...bits: number[]) => tensor("float16", new Uint16Array(bits));

test("equal bits are equal, not-a-number included", () => {
  expect(compareTensors(floats(1, Number.NaN, -0), floats(1, Number.NaN, -0))).toEqual({
    bitEqual: true,
    maxRelative: 0,
    maxUlp: 0,
    signedZeroOnly: 0,
    firstDifference: null,
  });
});

test("a difference is measured against the largest magnitude of the reference", () => {
  const { bitEqual, maxRelative, firstDifference } = compareTensors(
    floats(-8, 1, 2),
    floats(-8, 1.5, 2),
  );
  expect({ bitEqual, maxRelative, firstDifference }).toEqual({
    bitEqual: false,
    maxRelative: 0.0625,
    firstDifference: 1,
  });
});

test("the next representable number is one unit in the last place away", () => {
  expect(compareTensors(floats(1), floats(1 + 2 ** -23)).maxUlp).toBe(1);
  expect(compareTensors(doubles(-1), doubles(-1 - 2 ** -51)).maxUlp).toBe(2);
  // 1 and the two numbers above it in half precision.
  expect(compareTensors(halves(0x3c00), halves(0x3c02))).toMatchObject({
    maxUlp: 2,
    maxRelative: 2 / 1024,
  });
});

test("units in the last place do not count near zero", () => {
  const { maxUlp, maxRelative } = compareTensors(floats(1, 1e-6), floats(1, 2e-6));
  expect(maxUlp).toBe(0);
  expect(maxRelative).toBeCloseTo(1e-6, 9);
});

test("zeros of two signs are told apart from real differences", () => {
  expect(compareTensors(floats(0, 1, -0), floats(-0, 1, -0))).toEqual({
    bitEqual: false,
    maxRelative: 0,
    maxUlp: 0,
    signedZeroOnly: 1,
    firstDifference: 0,
  });
});

test("a number against not-a-number or infinity is infinitely far", () => {
  expect(compareTensors(floats(1), floats(Number.NaN)).maxRelative).toBe(Infinity);
  expect(compareTensors(floats(1), floats(Infinity)).maxRelative).toBe(Infinity);
  expect(compareTensors(floats(0), floats(1)).maxRelative).toBe(Infinity);
});

test("whole numbers differ by their difference", () => {
  expect(
    compareTensors(tensor("int8", new Int8Array([4, -4])), tensor("int8", new Int8Array([4, -2]))),
  ).toMatchObject({ maxUlp: 2, maxRelative: 0.5, firstDifference: 1 });
  const large = 2n ** 60n;
  const [a, b] = [large, large + 1n].map((value) => tensor("int64", new BigInt64Array([value])));
  if (a === undefined || b === undefined) throw new Error("two tensors were made");
  expect(compareTensors(a, b)).toMatchObject({ bitEqual: false, maxUlp: 1 });
});

test("texts are the same or not, also where all are as long together", () => {
  const texts = (...elements: string[]): TensorValue => {
    const data = packStrings(elements.map((element) => new TextEncoder().encode(element)));
    return { dataType: "string", shape: [elements.length], data };
  };
  const reference = texts("one", "two", "");
  expect(compareTensors(reference, texts("one", "two", ""))).toMatchObject({
    bitEqual: true,
    maxRelative: 0,
    firstDifference: null,
  });
  for (const other of [texts("one", "", "two"), texts("one", "twos", "")]) {
    const difference = { bitEqual: false, maxRelative: Infinity, firstDifference: 1 };
    expect(compareTensors(reference, other)).toMatchObject(difference);
  }
});

test("tensors of two types or shapes cannot be compared", () => {
  expect(() => compareTensors(floats(1), doubles(1))).toThrow(/float32.*float64/);
  expect(() => compareTensors(floats(1), floats(1, 2))).toThrow(/\[1\].*\[2\]/);
});

test("whatever the values, only equal bits are bit-equal and the measures are not negative", () => {
  const values = fc.array(fc.float(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(values, values, (first, second) => {
      const length = Math.min(first.length, second.length);
      const [a, b] = [floats(...first.slice(0, length)), floats(...second.slice(0, length))];
      const result = compareTensors(a, b);
      expect(result.bitEqual).toBe(a.data.every((byte, at) => byte === b.data[at]));
      expect(result.maxRelative).toBeGreaterThanOrEqual(0);
      expect(result.maxUlp).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("answers are equal when names, types, shapes and bits are", () => {
  expect(isBitEqual({ x: floats(0, 1) }, { x: floats(0, 1) })).toBe(true);
  expect(isBitEqual({ x: floats(0, 1) }, { x: floats(-0, 1) })).toBe(false);
  expect(isBitEqual({ x: floats(0) }, { x: { ...floats(0), shape: [1, 1] } })).toBe(false);
  expect(isBitEqual({ x: floats(0) }, { x: { ...floats(0), dataType: "int32" } })).toBe(false);
  expect(isBitEqual({ x: floats(0) }, { y: floats(0) })).toBe(false);
  expect(isBitEqual({ x: floats(0) }, {})).toBe(false);
});
