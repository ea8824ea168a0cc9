import fc from "fast-check";
import { expect, test } from "vitest";
import { boundByPrices, type LinearProgram } from "./linear-solver.ts";

const number = fc.integer({ min: -9, max: 9 });

test("whatever the prices, no solution costs less than their bound", () => {
  const cases = fc.record({
    costs: fc.array(number, { minLength: 1, maxLength: 5 }),
    rows: fc.array(
      fc.record({
        factors: fc.array(number, { minLength: 5, maxLength: 5 }),
        slack: fc.nat(3),
        price: number,
      }),
      { maxLength: 4 },
    ),
    point: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }),
  });
  fc.assert(
    fc.property(cases, ({ costs, rows, point }) => {
      const columns = costs.map((_, column) => column);
      const value = (factors: readonly number[]): number =>
        columns.reduce((sum, column) => sum + (factors[column] ?? 0) * (point[column] ?? 0), 0);
      // The point keeps every row, by as much as its slack.
      const program: LinearProgram = {
        columns: costs.map((cost) => ({ cost, lower: 0, upper: 4, isInteger: false })),
        rows: rows.map(({ factors, slack }) => ({
          lower: value(factors) - slack,
          upper: value(factors) + slack,
          columns,
          factors: columns.map((column) => factors[column] ?? 0),
        })),
      };
      const bound = boundByPrices(
        program,
        rows.map(({ price }) => price),
      );
      expect(bound).toBeLessThanOrEqual(value(costs));
    }),
  );
});
