import { expect, test } from "vitest";
import { infeasible } from "./feasibility.ts";
import type { Incumbent, Planning } from "./planner.ts";
import { rising } from "./rising.ts";

const at = (value: number, bound: number | null): Incumbent => ({
  placement: [value],
  value,
  bound,
});

function* planningOf(
  steps: readonly (Incumbent | null)[],
  end: ReturnType<typeof infeasible> | Incumbent,
): Planning {
  yield* steps;
  return end;
}

function run(planning: Planning): unknown[] {
  const seen: unknown[] = [];
  for (;;) {
    const { done, value } = planning.next();
    seen.push(value);
    if (done === true) return seen;
  }
}

test("a later step keeps the bound of an earlier one, up to its own value", () => {
  const steps = [at(9, 5), at(7, 2), at(4, null)];
  expect(run(rising(planningOf(steps, at(4, 1))))).toEqual([
    at(9, 5),
    at(7, 5),
    at(4, 4),
    at(4, 4),
  ]);
});

test("a later step keeps a better plan, and adds its bound", () => {
  expect(run(rising(planningOf([at(4, 1)], at(6, 3))))).toEqual([at(4, 1), at(4, 3)]);
});

test("steps without an incumbent, and planners without bounds, stay what they are", () => {
  expect(run(rising(planningOf([null, at(5, null)], at(4, null))))).toEqual([
    null,
    at(5, null),
    at(4, null),
  ]);
});

test("no allowed placement is an answer only if none was found", () => {
  const none = infeasible("nothing fits");
  expect(run(rising(planningOf([null], none)))).toEqual([null, none]);
  expect(run(rising(planningOf([at(4, 1)], none)))).toEqual([at(4, 1), at(4, 1)]);
});
