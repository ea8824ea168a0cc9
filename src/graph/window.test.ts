import fc from "fast-check";
import { expect, test } from "vitest";
import {
  commonRows,
  fitsWindow,
  neededRegion,
  neededRows,
  type Rows,
  spanRows,
  type Window,
} from "./window.ts";

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}

function along({ kernel, stride, dilation, padBegin, padEnd }: Partial<Axis>): Window {
  return {
    kernel: [kernel ?? 1, 1],
    stride: [stride ?? 1, 1],
    dilation: [dilation ?? 1, 1],
    padBegin: [padBegin ?? 0, 0],
    padEnd: [padEnd ?? 0, 0],
  };
}

test("an element-wise node needs the rows that it makes", () => {
  expect(neededRows(along({}), { from: 3, to: 7 }, 20)).toEqual({ from: 3, to: 7 });
});

test("a padded kernel of three rows needs a row more on each side, but at the borders", () => {
  const window = along({ kernel: 3, padBegin: 1, padEnd: 1 });
  expect(neededRows(window, { from: 10, to: 20 }, 30)).toEqual({ from: 9, to: 21 });
  expect(neededRows(window, { from: 0, to: 1 }, 30)).toEqual({ from: 0, to: 2 });
  expect(neededRows(window, { from: 29, to: 30 }, 30)).toEqual({ from: 28, to: 30 });
});

test("strides of two and three step over rows", () => {
  const two = along({ kernel: 3, stride: 2, padBegin: 1, padEnd: 1 });
  expect(neededRows(two, { from: 5, to: 6 }, 56)).toEqual({ from: 9, to: 12 });
  const three = along({ kernel: 2, stride: 3 });
  expect(neededRows(three, { from: 1, to: 3 }, 30)).toEqual({ from: 3, to: 8 });
});

test("a dilated kernel reaches further", () => {
  const window = along({ kernel: 3, dilation: 2, padBegin: 2, padEnd: 2 });
  expect(neededRows(window, { from: 10, to: 11 }, 30)).toEqual({ from: 8, to: 13 });
});

test("padding at the end moves nothing", () => {
  const window = along({ kernel: 3, stride: 2, padBegin: 0, padEnd: 1 });
  expect(neededRows(window, { from: 27, to: 28 }, 56)).toEqual({ from: 54, to: 56 });
});

test("rows of padding alone need the row next to it, no rows need none", () => {
  const window = along({ kernel: 1, padBegin: 2, padEnd: 3 });
  expect(neededRows(window, { from: 0, to: 2 }, 5)).toEqual({ from: 0, to: 1 });
  expect(neededRows(window, { from: 8, to: 10 }, 5)).toEqual({ from: 4, to: 5 });
  expect(neededRows(window, { from: 4, to: 4 }, 5)).toEqual({ from: 0, to: 0 });
});

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 5 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  padBegin: fc.integer({ min: 0, max: 4 }),
  padEnd: fc.integer({ min: 0, max: 4 }),
});

/** Positions that the receptive fields of rows touch. */
function touch({ kernel, stride, dilation, padBegin }: Axis, { from, to }: Rows, extent: number) {
  const touched: number[] = [];
  for (let row = from; row < to; row++) {
    for (let tap = 0; tap < kernel; tap++) {
      const read = row * stride - padBegin + tap * dilation;
      if (read >= 0 && read < extent) touched.push(read);
    }
  }
  return touched;
}

test("what is needed is what the receptive fields of the rows touch, from the first to the last", () => {
  fc.assert(
    fc.property(axis, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 24 }), (axis, a, b, extent) => {
      const reach = axis.dilation * (axis.kernel - 1) + 1;
      const outputs = Math.floor((extent + axis.padBegin + axis.padEnd - reach) / axis.stride) + 1;
      fc.pre(outputs >= 1);
      const from = a % outputs;
      const to = from + 1 + (b % (outputs - from));
      const touched = touch(axis, { from, to }, extent);
      const needed = neededRows(along(axis), { from, to }, extent);
      for (const row of touched) {
        expect(row).toBeGreaterThanOrEqual(needed.from);
        expect(row).toBeLessThan(needed.to);
      }
      // Where taps or kernels leave gaps a border of the tensor may lie in one; else the ends are touched.
      if (axis.dilation > 1 || axis.stride > axis.kernel) return;
      const nearest = (to - 1) * axis.stride < axis.padBegin ? 0 : extent - 1;
      const [first, last] =
        touched.length === 0 ? [nearest, nearest] : [touched[0], touched.at(-1)];
      expect(needed).toEqual({ from: first, to: (last as number) + 1 });
    }),
    { numRuns: 500 },
  );
});

test("a scale makes several rows of one: what is enlarged needs fewer rows than it makes", () => {
  const doubled = { ...along({}), scale: [2, 3] };
  expect(neededRows(doubled, { from: 3, to: 6 }, 8)).toEqual({ from: 1, to: 3 });
  expect(neededRows(doubled, { from: 3, to: 6 }, 8, 1)).toEqual({ from: 1, to: 2 });
  expect([15, 16, 17].map((made) => fitsWindow(doubled, 8, made))).toEqual([false, true, false]);
});

test("a region is followed along each axis by itself", () => {
  const window = {
    kernel: [3, 1],
    stride: [1, 2],
    dilation: [1, 1],
    padBegin: [1, -1],
    padEnd: [1, 0],
  };
  const region = [
    { from: 0, to: 4 },
    { from: 1, to: 3 },
  ];
  expect(neededRegion(window, region, [9, 9])).toEqual([
    { from: 0, to: 5 },
    { from: 3, to: 6 },
  ]);
});

test("spans and common rows of pieces, empty ones too", () => {
  const [head, tail] = [
    { from: 0, to: 3 },
    { from: 5, to: 9 },
  ];
  const empty = { from: 0, to: 0 };
  expect(spanRows(head, tail)).toEqual({ from: 0, to: 9 });
  expect(spanRows(empty, tail)).toEqual(tail);
  expect(spanRows(tail, empty)).toEqual(tail);
  expect(commonRows(head, tail)).toEqual(empty);
  expect(commonRows({ from: 2, to: 6 }, tail)).toEqual({ from: 5, to: 6 });
});
