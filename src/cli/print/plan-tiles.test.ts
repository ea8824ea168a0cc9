import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../../test/fixtures/picture-problem.ts";
import { plainTerminal } from "../../../test/fixtures/quiet-terminal.ts";
import { type Evaluation, evaluate } from "../../plan/evaluate.ts";
import { makePlan } from "../../plan/make-plan.ts";
import { formatPlan } from "./plan.ts";

const problem = pictureProblem({});
const incumbent = {
  placement: [1, 1, 0],
  tiles: [stage([0, 1], [1, 2], [4, 8])],
  value: 0,
  bound: null,
};
const evaluation = evaluate(problem, incumbent.placement, incumbent.tiles) as Evaluation;
const plan = makePlan(problem, incumbent, evaluation, {
  planner: "by hand",
  optimalAmong: null,
  seed: 1,
  decisionSeconds: 0,
});
const terminal = plainTerminal();

test("shows who makes which rows, and which rows travel", () => {
  const table = formatPlan(plan, problem, "it was asked for", terminal);
  expect(table).toContain("Split over left, right, camera");
  expect(table).toContain("left (rows 0–3), right (rows 4–7)");
  expect(table).toContain("rows 0–5 of uint8 [1, 1, 8, 1]");
});

test("says that stages may be shared", () => {
  const table = formatPlan(plan, problem, "it was asked for", terminal);
  expect(table).toContain("several devices may run a stage together");
});

test("one row is no range", () => {
  const last = makePlan(
    problem,
    { ...incumbent, tiles: [stage([0, 1], [1, 2], [7, 8])] },
    evaluation,
    { planner: "by hand", optimalAmong: null, seed: 1, decisionSeconds: 0 },
  );
  const table = formatPlan(last, problem, "it was asked for", terminal);
  expect(table).toContain("left (rows 0–6), right (row 7)");
});
