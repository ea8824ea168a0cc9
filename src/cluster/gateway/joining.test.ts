import fc from "fast-check";
import { expect, test } from "vitest";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { chooseNext, formOf, holdSeconds, type Waiting } from "./joining.ts";

const joining = { most: 4, waitSeconds: 1 };

/** Of one row unless told, one form unless told, whose time to wait is over unless told. */
function waiting(given: Partial<Waiting> & { readonly name: string }) {
  return { rows: 1, form: "f", heldUntil: 0, ...given };
}

function goes(all: readonly Waiting[], free: number | null = null, now = 0) {
  const choice = chooseNext(all as (Waiting & { name: string })[], joining, free, now);
  if (choice?.type !== "go") return choice;
  return choice.together.map(({ name }) => name).join("");
}

test("joins the oldest with those of its form, and leaves out what does not fit", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => waiting({ name }));
  const other = waiting({ name: "x", form: "g" });
  const large = waiting({ name: "L", rows: 3 });
  expect(goes([a, other, b, large, c, d] as Waiting[])).toBe("abcd");
  expect(goes([other, a, b] as Waiting[])).toBe("x");
  expect(goes([large, large, a] as Waiting[])).toBe("La");
  expect(goes([a, b, c, d] as Waiting[], 2)).toBe("ab");
  expect(goes([])).toBeNull();
});

test("what cannot be joined, or is too large for it, goes alone, if there is room", () => {
  const a = waiting({ name: "a" });
  const odd = waiting({ name: "odd", form: null });
  const huge = waiting({ name: "huge", rows: 9 });
  expect(goes([odd, a])).toBe("odd");
  expect(goes([huge, a])).toBe("huge");
  expect(goes([huge, a], 8)).toBeNull();
  expect(goes([a, huge], 8)).toBe("a");
});

test("waits for company until somebody's time is over, not only the oldest's", () => {
  const patient = waiting({ name: "a", heldUntil: 5 });
  const hasty = waiting({ name: "b", form: "g", heldUntil: 3 });
  expect(goes([patient])).toEqual({ type: "hold", until: 5 });
  expect(goes([patient, hasty])).toEqual({ type: "hold", until: 3 });
  expect(goes([patient, hasty], null, 3 - 1e-12)).toBe("a");
  expect(goes([patient, patient, patient, patient])).toBe("aaaa");
});

test("never joins more rows than the limit, nor holds anybody when a full pass is there", () => {
  const one = fc.record({
    rows: fc.integer({ min: 1, max: 6 }),
    form: fc.constantFrom("f", "g", null),
    heldUntil: fc.integer({ min: 0, max: 3 }),
  });
  const free = fc.option(fc.nat(8));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), free, fc.nat(3), (all, room, now) => {
      const choice = chooseNext(all, joining, room, now);
      if (choice === null) {
        expect(all.length === 0 || (room !== null && (all[0]?.rows ?? 0) > room)).toBe(true);
        return;
      }
      if (choice.type === "hold") {
        expect(choice.until).toBeGreaterThan(now);
        expect(all.every(({ heldUntil }) => heldUntil >= choice.until)).toBe(true);
        return;
      }
      const rows = choice.together.reduce((sum, { rows: own }) => sum + own, 0);
      expect(choice.together[0]).toBe(all[0]);
      expect(room === null || rows <= room).toBe(true);
      if (choice.together.length === 1) return;
      expect(rows).toBeLessThanOrEqual(joining.most);
      expect(new Set(choice.together.map(({ form }) => form)).size).toBe(1);
    }),
  );
});

test("requests are of one form if only their numbers of rows differ", () => {
  const tensor = (shape: readonly number[], dataType = "float32"): TensorValue => ({
    dataType,
    shape,
    data: new Uint8Array(0),
  });
  const form = formOf({ a: tensor([1, 3]), b: tensor([1]) });
  expect(form.rows).toBe(1);
  expect(formOf({ b: tensor([2]), a: tensor([2, 3]) })).toEqual({ form: form.form, rows: 2 });
  expect(formOf({ a: tensor([1, 4]), b: tensor([1]) }).form).not.toBe(form.form);
  expect(formOf({ a: tensor([1, 3], "int64"), b: tensor([1]) }).form).not.toBe(form.form);
  expect(formOf({ a: tensor([2, 3]), b: tensor([1]) })).toEqual({ form: null, rows: 2 });
  expect(formOf({ a: tensor([]) }).form).toBeNull();
  expect(formOf({}).form).toBeNull();
});

test("holds nobody for more than a tenth of the time that is given", () => {
  expect(holdSeconds(joining, null)).toBe(1);
  expect(holdSeconds(joining, 100)).toBe(1);
  expect(holdSeconds(joining, 2)).toBeCloseTo(0.2);
});
