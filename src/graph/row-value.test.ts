import fc from "fast-check";
import { expect, test } from "vitest";
import { joinRows, rowsOf, splitRows } from "./row-value.ts";
import { packStrings } from "./string-value.ts";
import type { TensorValue } from "./tensor-value.ts";

const text = new TextEncoder();

function strings(values: readonly string[], shape: readonly number[]): TensorValue {
  return { dataType: "string", shape, data: packStrings(values.map((one) => text.encode(one))) };
}

function floats(rows: number, columns: number, from: number): TensorValue {
  const values = Float32Array.from({ length: rows * columns }, (_, at) => from + at);
  return { dataType: "float32", shape: [rows, columns], data: new Uint8Array(values.buffer) };
}

test("puts the rows of requests behind one another, and apart again", () => {
  const [one, other] = [floats(1, 3, 0), floats(2, 3, 10)];
  const joined = joinRows([one, other]);
  expect(joined.shape).toEqual([3, 3]);
  expect([...new Float32Array(joined.data.buffer)]).toEqual([0, 1, 2, 10, 11, 12, 13, 14, 15]);
  expect(splitRows(joined, [1, 2])).toEqual([one, other]);
});

test("what was joined and split is what it was, whatever its type and however it was shared", () => {
  const counts = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(counts, fc.nat(3), fc.boolean(), fc.nat(), (rows, columns, isText, seed) => {
      const values = rows.map((count, position) =>
        isText
          ? strings(
              Array.from({ length: count * columns }, (_, at) => "é".repeat((seed + at) % 4)),
              [count, columns],
            )
          : floats(count, columns, position),
      );
      const joined = joinRows(values);
      expect(rowsOf(joined)).toBe(rows.reduce((sum, count) => sum + count, 0));
      expect(splitRows(joined, rows)).toEqual(values);
    }),
  );
});

test("refuses to split what has other rows than were joined, or less than its strings say", () => {
  const mismatch = expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" });
  expect(() => splitRows(floats(3, 2, 0), [1, 1])).toThrow(mismatch);
  expect(() => splitRows({ dataType: "float32", shape: [], data: new Uint8Array(4) }, [1])).toThrow(
    mismatch,
  );
  const cut = strings(["long enough"], [1]);
  const malformed = expect.objectContaining({ code: "TENSOR_MALFORMED" });
  expect(() => splitRows({ ...cut, data: cut.data.slice(0, 9) }, [1])).toThrow(malformed);
  expect(() => splitRows({ ...cut, shape: [2] }, [1, 1])).toThrow(malformed);
});
