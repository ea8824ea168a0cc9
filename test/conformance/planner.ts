/**
 * What every planner must hold, tried on random problems against an exhaustive search.
 *
 * @module
 */
import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createRandom } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import { leavesCodecsOpen, withCodecs } from "../../src/plan/codecs.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Infeasible } from "../../src/plan/feasibility.ts";
import { readPlan } from "../../src/plan/plan.ts";
import type { Incumbent, Planner, PlannerClass } from "../../src/plan/planner.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { disguise } from "./planner-disguise.ts";
import { createOracle, type Oracle, type Question } from "./planner-oracle.ts";
import { allClasses, type ProblemClass, randomQuestion } from "./planner-problems.ts";

/** Whether the suites run at full size. */
export const longRun: boolean = process.env["PARTITA_TEST_LONG"] === "1";

export interface PlannerSuite {
  /** How many, over all classes. */
  readonly problems: number;
  /** Nodes at most. */
  readonly nodes: number;
  /** Devices that can run nodes, at most. */
  readonly devices: number;
  /** Whether tensors may have codecs. Default: they may. */
  readonly codecs?: boolean;
  /** Default: all. */
  readonly classes?: readonly ProblemClass[];
  /** Problems that the planner refuses, with the reason; any other refusal fails. */
  readonly exceptions?: readonly PlannerException[];
  readonly firstSeed?: number;
  /** What becomes of a random question, for planners that answer few of them. Default: nothing. */
  readonly adapt?: (question: Question, seed: number) => Question;
}

export interface PlannerException {
  readonly reason: string;
  readonly refuses: (problem: Problem) => boolean;
}

/** Declares the tests of one planner, one for each class of problems. */
export function plannerConformance(planner: Planner, suite: PlannerSuite): void {
  const classes = suite.classes ?? allClasses;
  const each = Math.ceil(suite.problems / classes.length);
  for (const kind of classes) {
    const name = `${planner.name} keeps its promises on ${each} problems of ${kind.shape}, ${kind.objective}, up to ${suite.nodes} nodes on ${suite.devices} devices`;
    test(name, { timeout: 600_000 }, () => {
      for (let offset = 0; offset < each; offset++) {
        const seed = (suite.firstSeed ?? 1) + offset;
        const where = `randomQuestion(${seed}, ${JSON.stringify(kind)}, { nodes: ${suite.nodes}, devices: ${suite.devices}${suite.codecs === false ? ", codecs: false" : ""} })`;
        const question = randomQuestion(seed, kind, suite);
        tryQuestion(planner, suite.adapt?.(question, seed) ?? question, seed, suite, where);
      }
    });
  }
}

function tryQuestion(
  planner: Planner,
  question: Question,
  seed: number,
  suite: PlannerSuite,
  where: string,
): void {
  const problem = toProblem(question);
  const exception = suite.exceptions?.find(({ refuses }) => refuses(problem));
  const refusal = planner.refuses(problem);
  expect(refusal !== null, `${where}: refuses "${refusal}", listed "${exception?.reason}"`).toBe(
    exception !== undefined,
  );
  if (refusal !== null) return;
  const oracle = createOracle(question);
  const best = oracle.best();
  const end = runToEnd(planner, problem, seed);
  checkSteps(oracle, problem, end, best?.value ?? null, where);
  checkResult(planner, oracle, problem, best?.value ?? null, end.result, where);
  if ("type" in end.result) {
    expect(end.result.reason, where).not.toBe("");
    return;
  }
  checkPlan(planner, problem, seed, where);
  if (seed % 4 !== 0) return;
  expect(
    written(problem, runToEnd(planner, problem, seed)),
    `${where}: differs for one seed`,
  ).toEqual(written(problem, end));
  if (planner.optimalAmong === null) return;
  const renamed = runToEnd(planner, toProblem(disguise(question, seed)), seed).result;
  expect("value" in renamed, `${where}: infeasible when renamed and reordered`).toBe(true);
  if (!("value" in renamed)) return;
  expectEqual(renamed.value, end.result.value, `${where}: value when renamed and reordered`);
}

/** Time stands still: no figure of a plan may depend on it. */
export const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

interface Run {
  readonly steps: readonly Incumbent[];
  readonly result: Incumbent | Infeasible;
}

function runToEnd(planner: Planner, problem: Problem, seed: number): Run {
  const steps: Incumbent[] = [];
  const generator = planner.plan(problem, { random: createRandom(seed) });
  for (;;) {
    const step = generator.next();
    if (step.done === true) return { steps, result: step.value };
    if (step.value !== null) steps.push(step.value);
  }
}

/** A run as data: codecs are a function, and so equal to no other. */
function written({ hops, linkBytes }: Problem, { steps, result }: Run): object[] {
  return [...steps, result].map((step) => {
    if ("type" in step || step.codecs === undefined) return step;
    const { codecs, ...others } = step;
    const table = hops.links.map((_, link) => linkBytes.map((_, tensor) => codecs(link, tensor)));
    return { ...others, codecs: table };
  });
}

/** Whenever the caller stops asking, what it holds must be true. */
function checkSteps(
  oracle: Oracle,
  problem: Problem,
  { steps, result }: Run,
  optimum: number | null,
  where: string,
): void {
  let last = Number.POSITIVE_INFINITY;
  let proven = 0;
  for (const step of "type" in result ? steps : [...steps, result]) {
    checkIncumbent(oracle, problem, step, optimum, `${where}: a step on the way`);
    expect(step.value, `${where}: a later incumbent is worse`).toBeLessThanOrEqual(last);
    expect(step.bound ?? 0, `${where}: a later bound is lower`).toBeGreaterThanOrEqual(
      proven * (1 - 1e-12),
    );
    last = step.value;
    proven = step.bound ?? 0;
  }
}

function checkResult(
  planner: Planner,
  oracle: Oracle,
  problem: Problem,
  optimum: number | null,
  result: Incumbent | Infeasible,
  where: string,
): void {
  const among = planner.optimalAmong ?? ("bestAmong" in result ? result.bestAmong : undefined);
  if (among === undefined) {
    if (optimum === null) expect("type" in result, `${where}: nothing is allowed`).toBe(true);
    return;
  }
  const target = targetOf(among, oracle, optimum);
  if (target === null) {
    expect("type" in result, `${where}: nothing is allowed`).toBe(true);
    return;
  }
  expect(result, `${where}: a placement of ${target} is allowed`).toHaveProperty("value");
  if ("type" in result) return;
  expectEqual(result.value, target, `${where}: the best is`);
  if (among !== "all") return;
  if (!leavesCodecsOpen(problem)) {
    expectEqual(result.bound ?? Number.NaN, target, `${where}: the bound at the end`);
    return;
  }
  const least = oracle.bestOverCodecs()?.value ?? Number.NaN;
  expect(result.bound, `${where}: the bound over all codecs`).toBeLessThanOrEqual(
    least * (1 + 1e-9),
  );
}

function targetOf(among: PlannerClass, oracle: Oracle, optimum: number | null): number | null {
  switch (among) {
    case "all":
      return optimum;
    case "one-device":
      return oracle.bestOnOneDevice()?.value ?? null;
    case "one-way":
      return oracle.bestOneWay()?.value ?? null;
    case "chain-cuts":
      return oracle.bestChainCut()?.value ?? null;
    case "chains-of-pieces":
      return oracle.bestChainOfPieces()?.value ?? null;
    case "shared-chains":
      throw new Error("these problems allow no shared stages");
    default:
      return among satisfies never;
  }
}

function checkIncumbent(
  oracle: Oracle,
  problem: Problem,
  { placement, value, bound, codecs }: Incumbent,
  optimum: number | null,
  where: string,
): void {
  const figures = oracle.cost(placement, codecs);
  const coded = codecs === undefined ? problem : withCodecs(problem, codecs);
  const evaluation = evaluate(coded, placement);
  expect(evaluation.type, `${where}: evaluate`).toBe("feasible");
  expect(figures, `${where}: the oracle allows ${placement}`).not.toBeNull();
  if (figures === null || evaluation.type === "infeasible") return;
  expectEqual(value, figures.value, `${where}: value by the oracle`);
  expectEqual(value, evaluation.value, `${where}: value by evaluate`);
  if (bound === null) return;
  expect(bound, `${where}: bound above the optimum`).toBeLessThanOrEqual(
    (optimum ?? Number.NaN) * (1 + 1e-9),
  );
}

/** As production does: evaluate, write down, check, and read back what was written. */
function checkPlan(planner: Planner, problem: Problem, seed: number, where: string): void {
  const plan = runPlanner(planner, problem, { seed, clock });
  expect("format" in plan, `${where}: no plan`).toBe(true);
  // An infinite throughput, of work that costs nothing at all, is no JSON number.
  if (!("format" in plan) || plan.claimed.periodSeconds === 0) return;
  expect(readPlan(JSON.stringify(plan)), where).toEqual(plan);
}

export function toProblem(question: Question): Problem {
  const { profile, topology, objective, limits } = question;
  return createProblem(profile, topology, objective, limits);
}

export function expectEqual(actual: number, expected: number, where: string): void {
  const difference = Math.abs(actual - expected);
  expect(difference, `${where} ${expected}, not ${actual}`).toBeLessThanOrEqual(
    1e-9 * Math.abs(expected),
  );
}
