import fc from "fast-check";
import { expect, test } from "vitest";
import { cutRegion, isCovered, regionOf, Stitching } from "./region-value.ts";
import { bytesPerElement, type TensorValue } from "./tensor-value.ts";
import type { Region } from "./window.ts";

const types = ["float32", "float16", "uint8", "int64", "bool", "complex128", "bfloat16"];

function sampleOf(dataType: string, shape: readonly number[]): TensorValue {
  const count = shape.reduce((product, size) => product * size, bytesPerElement(dataType) ?? 1);
  return { dataType, shape, data: Uint8Array.from({ length: count }, (_, at) => (at * 7) % 251) };
}

const whole = fc.record({
  dataType: fc.constantFrom(...types),
  shape: fc.tuple(...[2, 3, 6, 6].map((max) => fc.integer({ min: 1, max }))),
});

/** Cuts of an axis: ends in ascending order, and how far each region reaches beyond its own. */
const cuts = fc.record({
  ends: fc.array(fc.nat(6), { maxLength: 3 }),
  before: fc.nat(2),
  behind: fc.nat(2),
});

function spansOf(
  extent: number,
  { ends, before, behind }: { [K in "before" | "behind"]: number } & { ends: number[] },
) {
  const inner = ends.filter((end) => end > 0 && end < extent);
  const bounds = [...new Set([0, ...inner, extent])].sort((a, b) => a - b);
  return bounds.slice(1).map((to, position) => ({
    from: Math.max(0, (bounds[position] as number) - before),
    to: Math.min(extent, to + behind),
  }));
}

test("what is cut into regions that overlap is the same again, in whatever order and however often they come", () => {
  fc.assert(
    fc.property(
      whole,
      cuts,
      cuts,
      fc.infiniteStream(fc.nat()),
      ({ dataType, shape }, high, wide, order) => {
        const value = sampleOf(dataType, shape);
        const region = regionOf(shape.slice(2));
        const regions: Region[] = spansOf(shape[2] as number, high).flatMap((rows) =>
          spansOf(shape[3] as number, wide).map((columns) => [rows, columns]),
        );
        const twice = [...regions, ...regions]
          .map((own) => ({ own, key: order.next().value }))
          .sort((a, b) => a.key - b.key);
        const stitching = new Stitching(region);
        const made = twice.flatMap(
          ({ own }) => stitching.add(cutRegion(value, region, own), own) ?? [],
        );
        expect(made).toEqual([value]);
      },
    ),
  );
});

test("a region of a region is that of the whole, down to its bytes", () => {
  const value = sampleOf("int16", [1, 2, 3, 4]);
  const held = [
    { from: 10, to: 13 },
    { from: 4, to: 8 },
  ];
  const cut = cutRegion(value, held, [
    { from: 11, to: 13 },
    { from: 5, to: 7 },
  ]);
  expect(cut.shape).toEqual([1, 2, 2, 2]);
  const elements = new Uint16Array(cut.data.buffer);
  const all = new Uint16Array(value.data.buffer);
  expect([...elements]).toEqual([5, 6, 9, 10, 17, 18, 21, 22].map((at) => all[at]));
});

test("nothing is whole before its last region has come", () => {
  const stitching = new Stitching([
    { from: 0, to: 4 },
    { from: 0, to: 1 },
  ]);
  const region = (from: number, to: number) =>
    stitching.add(sampleOf("uint8", [1, 1, to - from, 1]), [
      { from, to },
      { from: 0, to: 1 },
    ]);
  expect([region(0, 2), region(3, 6), region(0, 1)]).toEqual([null, null, null]);
  expect(region(2, 3)?.data.length).toBe(4);
  expect(stitching.bytes).toBe(4);
});

test("refuses a value that is another region, of another tensor, or cannot be cut", () => {
  const region = regionOf([2, 2]);
  const code = (value: TensorValue) => {
    try {
      const stitching = new Stitching(region);
      stitching.add(sampleOf("uint8", [1, 1, 1, 2]), [
        { from: 0, to: 1 },
        { from: 0, to: 2 },
      ]);
      stitching.add(value, region);
      return null;
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  expect(code(sampleOf("uint8", [1, 1, 2, 2]))).toBe(null);
  expect(code(sampleOf("uint8", [1, 1, 2, 3]))).toBe("TENSOR_SHAPE_MISMATCH");
  expect(code(sampleOf("uint8", [1, 2, 2, 2]))).toBe("TENSOR_SHAPE_MISMATCH");
  expect(code(sampleOf("int8", [1, 1, 2, 2]))).toBe("TENSOR_SHAPE_MISMATCH");
  const strings = { dataType: "string", shape: [1, 1, 2, 2], data: new Uint8Array(4) };
  expect(() => cutRegion(strings, region, region)).toThrow("no whole bytes");
});

test("a region with a hole is not covered", () => {
  const span = (from: number, to: number) => ({ from, to });
  const four = [
    [span(0, 2), span(0, 3)],
    [span(0, 3), span(3, 4)],
    [span(2, 4), span(0, 2)],
    [span(3, 4), span(2, 4)],
  ];
  expect(isCovered([span(0, 4), span(0, 4)], four)).toBe(false);
  expect(isCovered([span(0, 4), span(0, 4)], [...four, [span(2, 3), span(1, 3)]])).toBe(true);
  expect(isCovered([span(0, 1), span(0, 1)], [])).toBe(false);
});
