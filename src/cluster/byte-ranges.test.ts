import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteRanges } from "./byte-ranges.ts";

test("knows the bytes that were added, in any order and overlapping, and no others", () => {
  const piece = fc.tuple(fc.nat(15), fc.nat(5));
  fc.assert(
    fc.property(fc.array(piece), piece, (pieces, [offset, length]) => {
      const ranges = new ByteRanges();
      const there = new Array<boolean>(24).fill(false);
      for (const [start, size] of pieces) {
        ranges.add(start, size);
        there.fill(true, start, start + size);
      }
      expect(ranges.prefix).toBe(there.indexOf(false));
      const asked = there.slice(offset, offset + length + 1);
      expect(ranges.has(offset, length + 1)).toBe(asked.every(Boolean));
    }),
  );
});
