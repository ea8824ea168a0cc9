import fc from "fast-check";
import { expect, test } from "vitest";
import { LeastInWindow } from "./window.ts";

test("the least at each place is that of all values which still count", () => {
  const entries = fc.array(fc.record({ value: fc.nat(20), longer: fc.nat(4) }), { maxLength: 20 });
  fc.assert(
    fc.property(entries, (steps) => {
      const window = new LeastInWindow();
      const known: { value: number; until: number }[] = [];
      steps.forEach(({ value, longer }, place) => {
        const until = Math.max(place + longer, known.at(-1)?.until ?? 0);
        window.push(value, until);
        known.push({ value, until });
        const counting = known.filter((entry) => entry.until >= place);
        expect(window.at(place)).toBe(Math.min(...counting.map((entry) => entry.value)));
      });
      expect(window.at(100)).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});
