import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { loadHighsSolver } from "./highs.node.ts";
import { boundByPrices, type LinearProgram } from "./linear-solver.ts";

const solver = await loadHighsSolver();
const effort = { iterations: 1000, nodes: 1000 };

/** Least cost of three things, at least two of which are wanted: 1 + 2. */
const choice: LinearProgram = {
  columns: [3, 1, 2].map((cost) => ({ cost, lower: 0, upper: 1, isInteger: false })),
  rows: [{ lower: 2, upper: Number.POSITIVE_INFINITY, columns: [0, 1, 2], factors: [1, 1, 1] }],
};

test("a linear programme is solved, with the price of its row", () => {
  const solution = solver.solve(choice, effort);
  expect(solution).toMatchObject({ type: "optimal", values: [0, 1, 1], objective: 3, bound: 3 });
  expect(boundByPrices(choice, solution.prices)).toBeCloseTo(3, 9);
});

test("whole numbers are whole", () => {
  const row = { lower: 3, upper: Number.POSITIVE_INFINITY, columns: [0, 1, 2], factors: [2, 2, 2] };
  const columns = choice.columns.map((column) => ({ ...column, isInteger: true }));
  expect(solver.solve({ columns: choice.columns, rows: [row] }, effort).objective).toBeCloseTo(2);
  expect(solver.solve({ columns, rows: [row] }, effort)).toMatchObject({
    type: "optimal",
    values: [0, 1, 1],
    objective: 3,
    bound: 3,
  });
});

test("what cannot be is said to be infeasible", () => {
  const rows = [{ lower: 4, upper: 5, columns: [0, 1, 2], factors: [1, 1, 1] }];
  expect(solver.solve({ columns: choice.columns, rows }, effort)).toMatchObject({
    type: "infeasible",
    values: [],
    bound: Number.POSITIVE_INFINITY,
  });
});

test("a solver out of steps, or told that it is over, stops with a bound that holds", () => {
  const hard = assignment(40);
  const { objective } = solver.solve(hard, { iterations: 1e6, nodes: 0 });
  const early = solver.solve(hard, { iterations: 5, nodes: 0 });
  expect(early.type).toBe("stopped");
  expect(boundByPrices(hard, early.prices)).toBeLessThanOrEqual(objective + 1e-9);
  const over = solver.solve(hard, { iterations: 1e6, nodes: 1e6, isOver: () => true });
  expect(over.type).toBe("stopped");
});

test("the same programme is answered alike twice", () => {
  expect(solver.solve(assignment(20), effort)).toEqual(solver.solve(assignment(20), effort));
});

/** Each of some tasks to one of as many machines, at random costs, with a budget. */
function assignment(size: number): LinearProgram {
  const random = createRandom(3);
  const cells = Array.from({ length: size * size }, (_, cell) => cell);
  const one = (columns: readonly number[]) => ({
    lower: 1,
    upper: 1,
    columns,
    factors: columns.map(() => 1),
  });
  const range = cells.slice(0, size);
  return {
    columns: cells.map(() => ({ cost: 1 + random.next(), lower: 0, upper: 1, isInteger: false })),
    rows: [
      ...range.map((row) => one(cells.filter((cell) => Math.floor(cell / size) === row))),
      ...range.map((column) => one(cells.filter((cell) => cell % size === column))),
      {
        lower: Number.NEGATIVE_INFINITY,
        upper: size * 0.6,
        columns: cells,
        factors: cells.map(() => random.next()),
      },
    ],
  };
}
