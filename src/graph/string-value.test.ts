import fc from "fast-check";
import { expect, test } from "vitest";
import { packStrings, stringElements } from "./string-value.ts";

const elements = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 });

test("gives back the elements that were packed", () => {
  fc.assert(
    fc.property(elements, (given) => {
      const read = [...stringElements("x", packStrings(given))].map((element) => [...element]);
      expect(read).toEqual(given.map((element) => [...element]));
    }),
  );
});

test("packs the length of an element in front of it, the lowest byte first", () => {
  expect([...packStrings([new Uint8Array([7, 8]), new Uint8Array(0)])]).toEqual([
    ...[2, 0, 0, 0, 7, 8],
    ...[0, 0, 0, 0],
  ]);
});

test("refuses every tensor that ends within an element", () => {
  fc.assert(
    fc.property(elements, fc.nat(), (given, cut) => {
      const whole = packStrings([...given, new Uint8Array(1)]);
      const last = whole.byteLength - 5;
      const end = last + 1 + (cut % 4);
      expect(() => [...stringElements("x", whole.slice(0, end))]).toThrow(
        /'x' begins at byte \d+ and ends behind the last/,
      );
    }),
  );
});

test("refuses a length beyond the tensor, the largest one too", () => {
  const data = new Uint8Array([255, 255, 255, 255, 1, 2, 3]);
  expect(() => [...stringElements("x", data)]).toThrow(
    expect.objectContaining({
      code: "TENSOR_MALFORMED",
      details: { tensor: "x", at: 0, bytes: 7 },
    }),
  );
});
