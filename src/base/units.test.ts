import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import {
  bytes,
  type Dimension,
  formatQuantity,
  parseQuantity,
  ratio,
  type Seconds,
  scale,
  seconds,
  sum,
} from "./units.ts";

test("adds quantities of one unit and refuses a mixture", () => {
  expectTypeOf(sum(seconds(1), seconds(2))).toEqualTypeOf<Seconds>();
  // @ts-expect-error bytes are not seconds
  sum(seconds(1), bytes(2));
  expect(sum(seconds(1), seconds(2))).toBe(3);
  expect(scale(seconds(3), 2)).toBe(6);
  expect(ratio(seconds(3), seconds(2))).toBe(1.5);
});

test.each([
  ["20 Mbit/s", "bit/s", 20e6],
  ["5 ms", "s", 5e-3],
  ["512 MiB", "B", 512 * 2 ** 20],
  ["60kB", "B", 60e3],
  ["0.1 uJ/bit", "J/bit", 1e-7],
  ["1.5W", "W", 1.5],
  ["-3 s", "s", -3],
  [" 8 GFLOP/s ", "FLOP/s", 8e9],
] as const)("reads %s", (text, dimension, value) => {
  expect(parseQuantity(text, dimension)).toBeCloseTo(value, 12);
});

test.each([
  ["20", "bit/s"],
  ["20 Mbps", "bit/s"],
  ["20 MB", "bit/s"],
  ["fast", "s"],
  ["", "B"],
  ["NaN s", "s"],
  ["1e999 s", "s"],
  ["5 toString", "s"],
] as const)("refuses %j as a quantity in %s", (text, dimension) => {
  expect(() => parseQuantity(text, dimension)).toThrow(
    expect.objectContaining({ code: "QUANTITY_INVALID" }),
  );
});

test("names the units that it would have understood", () => {
  expect(() => parseQuantity("20 Mbps", "bit/s")).toThrow(/"20 Mbit\/s".*kbit\/s/);
});

test.each([
  [0.00123, "s", "1.23 ms"],
  [0.9999, "s", "1 s"],
  [0.99999e-3, "s", "1 ms"],
  [0, "B", "0 B"],
  [1536, "B", "1.54 kB"],
  [20e6, "bit/s", "20 Mbit/s"],
  [-2.5, "s", "-2.5 s"],
] as const)("writes %d %s as %s", (value, dimension, text) => {
  expect(formatQuantity(value, dimension)).toBe(text);
});

test("reads back what it writes, for every dimension", () => {
  const dimension = fc.constantFrom<Dimension>(
    "s",
    "B",
    "bit/s",
    "FLOP",
    "FLOP/s",
    "J",
    "J/bit",
    "W",
  );
  fc.assert(
    fc.property(dimension, fc.double({ min: 1e-9, max: 1e15, noNaN: true }), (unit, value) => {
      const back = parseQuantity(formatQuantity(value, unit, 17), unit);
      expect(Math.abs(back - value)).toBeLessThanOrEqual(1e-14 * value);
    }),
  );
});
