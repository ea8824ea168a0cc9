import fc from "fast-check";
import { expect, test } from "vitest";
import { bfloat16, decodeShortFloat, encodeShortFloat, float16 } from "./short-float.ts";

const formats = [
  { name: "float16", format: float16 },
  { name: "bfloat16", format: bfloat16 },
];

const everyBits = Array.from({ length: 2 ** 16 }, (_, bits) => bits);

test.each(formats)("every number of $name has its own bits", ({ format }) => {
  const others = everyBits.filter((bits) => {
    const value = decodeShortFloat(format, bits);
    const again = encodeShortFloat(format, value);
    return Number.isNaN(value) ? !Number.isNaN(decodeShortFloat(format, again)) : again !== bits;
  });
  expect(others).toEqual([]);
});

test("bfloat16 is the upper half of float32", () => {
  const view = new DataView(new ArrayBuffer(4));
  const others = everyBits.filter((bits) => {
    view.setUint16(0, bits);
    return !Object.is(decodeShortFloat(bfloat16, bits), view.getFloat32(0));
  });
  expect(others).toEqual([]);
});

test("float16 has the values of the standard's table", () => {
  const values = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555, 0x7c00, 0x8000].map((bits) =>
    decodeShortFloat(float16, bits),
  );
  const third = 0.333251953125;
  expect(values).toEqual([1, -2, 65504, 2 ** -14, 2 ** -24, third, Infinity, -0]);
});

test.each(formats)("no number of $name is nearer than the one that is chosen", ({ format }) => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -70_000, max: 70_000 }), (value) => {
      const bits = encodeShortFloat(format, value);
      const chosen = Math.abs(decodeShortFloat(format, bits) - value);
      if (!Number.isFinite(chosen)) expect(Math.abs(value)).toBeGreaterThanOrEqual(65_520);
      for (const other of [bits - 1, bits + 1]) {
        const distance = Math.abs(decodeShortFloat(format, other & 0xffff) - value);
        if (distance < chosen) expect(chosen).toBe(Infinity);
        if (distance === chosen) expect(bits % 2).toBe(0);
      }
    }),
  );
});

test("what is too large is infinite, what is too small is 0 with its sign", () => {
  expect(encodeShortFloat(float16, 65_519)).toBe(0x7bff);
  expect(encodeShortFloat(float16, 65_520)).toBe(0x7c00);
  expect(encodeShortFloat(float16, -1e300)).toBe(0xfc00);
  expect(encodeShortFloat(float16, 2 ** -26)).toBe(0);
  expect(encodeShortFloat(float16, -(2 ** -26))).toBe(0x8000);
});
