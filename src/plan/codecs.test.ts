import { expect, test } from "vitest";
import { codec, withTensorCodecs } from "../../test/fixtures/coded-problem.ts";
import { type SmallProblem, smallProblem } from "../../test/fixtures/small-problem.ts";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { check } from "./check.ts";
import { codecsOf, withCodecs } from "./codecs.ts";
import { evaluate } from "./evaluate.ts";
import { makePlan } from "./make-plan.ts";
import { findFront } from "./pareto.ts";
import type { Plan } from "./plan.ts";
import { exact } from "./planners/exact.ts";
import type { Problem } from "./problem.ts";
import { runPlanner } from "./run-planner.ts";

/** The camera holds one node, and the input is heavy: t travels, 100 bytes at a byte a second. */
const small: SmallProblem = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["t"], seconds: 1, parameterBytes: 1000 },
    { name: "b", inputs: ["t"], outputs: ["x"], seconds: 1, parameterBytes: 1000 },
  ],
  bytes: { in: 1000, t: 100, x: 1000 },
  outputs: ["x"],
  topology: `
devices: [{ name: camera, memory: 2500 B, power: { busy: 10 W, idle: 0 W } }, { name: cloud, speed: 10 }]
links: [{ between: [camera, cloud], bandwidth: 8 bit/s, energy: 0.1 J/bit }]
source: camera
sink: anywhere`,
};

const codecs = { t: { small: codec(4, 0.5, 1), fast: codec(2, 0.1, 0.1) } };
const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

function coded(objective: string, limits = {}): Problem {
  return withTensorCodecs(smallProblem({ ...small, objective, limits }), codecs);
}

/** The plan with a on the camera and b on the cloud, with one codec. */
function planWith(problem: Problem, name: string | null): Plan {
  const choice = (): string | null => name;
  const placement = [0, 1];
  const evaluation = evaluate(withCodecs(problem, choice), placement);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  const incumbent = { placement, value: evaluation.value, bound: null, codecs: choice };
  const provenance = { planner: "test", optimalAmong: null, seed: 1, decisionSeconds: 0 };
  return makePlan(problem, incumbent, evaluation, provenance);
}

test("for the latency a tensor takes the fastest codec, for the energy the cheapest", () => {
  const fastest = planWith(coded("latency"), "fast");
  // 1 s on the camera, 10 s to code, 50 s on the wire, 1 s to decode and 0.1 s in the cloud.
  expect(fastest.claimed.latencySeconds).toBeCloseTo(62.1, 9);
  expect(fastest.transfers).toMatchObject([{ tensor: "t", bytes: 50, codec: "fast" }]);
  expect(coded("latency").hops.codec(0, 1)).toBe("fast");
  // Coding to a quarter costs 500 J on the camera and saves 20 J on the link.
  expect(coded("energy").hops.codec(0, 1)).toBe(null);
});

test("a plan is judged under the codecs that it names, not the best ones", () => {
  const problem = coded("latency");
  for (const name of ["small", "fast", null]) {
    const plan = planWith(problem, name);
    const choice = codecsOf(problem, plan);
    expect(choice(0, 1)).toBe(name);
    expect(check(problem, plan).latencySeconds).toBe(plan.claimed.latencySeconds);
  }
});

test.each([
  ["another codec than its figures are of", "small", /latencySeconds = 62.1, but it is/],
  [
    "a codec that was not measured",
    "magic",
    /codes 't' camera → cloud with 'magic', .*possible: small, fast/,
  ],
])("refuses a plan that names %s", (_, name, message) => {
  const problem = coded("latency");
  const plan = planWith(problem, "fast");
  const transfers = plan.transfers.map((transfer) => ({ ...transfer, codec: name }));
  expect(() => check(problem, { ...plan, transfers })).toThrow(message);
});

test("refuses a codec where one end of the link only relays", () => {
  const relayed = smallProblem({
    ...small,
    topology: `
devices: [{ name: camera }, { name: hub, profile: none }, { name: cloud, profile: machine }]
links: [{ between: [camera, hub], bandwidth: 8 bit/s }, { between: [hub, cloud], bandwidth: 8 bit/s }]
source: camera
sink: anywhere`,
  });
  const problem = withTensorCodecs(relayed, codecs);
  const placement = [0, 2];
  const evaluation = evaluate(problem, placement);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  const provenance = { planner: "test", optimalAmong: null, seed: 1, decisionSeconds: 0 };
  const plan = makePlan(problem, { placement, value: 1, bound: null }, evaluation, provenance);
  const transfers = plan.transfers.map((transfer) => ({ ...transfer, codec: "fast" }));
  expect(() => check(problem, { ...plan, transfers })).toThrow(/possible: none/);
});

test("what everything on one device would cost does not depend on the codecs of the plan", () => {
  const problem = withTensorCodecs(smallProblem({ ...small, objective: "throughput" }), {
    ...codecs,
    in: codecs.t,
  });
  const names = ["small", "fast", null];
  const [one, ...others] = names.map((name) => planWith(problem, name).alternatives);
  for (const other of others) expect(other).toEqual(one);
});

test("the best plan of a sum is the best over placements and codecs", () => {
  for (const objective of ["latency", "energy"]) {
    const problem = coded(objective);
    const plan = runPlanner(exact, problem, { seed: 1, clock });
    if ("type" in plan) throw new Error(plan.reason);
    const placements = [0, 1].flatMap((a) => [0, 1].map((b) => [a, b]));
    const values = placements.flatMap((placement) =>
      ["small", "fast", null].flatMap((name) => {
        const found = evaluate(
          withCodecs(problem, (_, tensor) => (tensor === 1 ? name : null)),
          placement,
        );
        return found.type === "feasible" ? [found.value] : [];
      }),
    );
    expect(plan.bound).toBeCloseTo(Math.min(...values), 7);
    expect(plan.guarantee).toBe("optimal");
    expect(plan.placement).toEqual({ a: "camera", b: "cloud" });
  }
});

/** "even" takes longer than "fast" altogether, and loads nobody as much: 1 + 35 s the camera. */
const balanced = { t: { fast: codec(2, 0.1, 0.1), even: codec(4, 0.35, 0.5) } };

function balancedProblem(objective: string, limits = {}): Problem {
  return withTensorCodecs(smallProblem({ ...small, objective, limits }), balanced);
}

test("that no placement keeps a limit with the codecs of the objective proves nothing", () => {
  const run = { seed: 1, clock };
  const best = runPlanner(exact, balancedProblem("throughput"), run);
  expect(best).toMatchObject({ claimed: { periodSeconds: 36 } });
  const late = runPlanner(exact, balancedProblem("latency", { periodSeconds: 40 }), run);
  expect(late).toMatchObject({ type: "infeasible", isProven: false });
  expect(late).toHaveProperty("reason", expect.stringContaining("others might keep the limit"));
  const alone = smallProblem({ ...small, limits: { periodSeconds: 40 } });
  expect(runPlanner(exact, alone, run)).not.toHaveProperty("isProven");
});

test("a front ends with the best pipeline, even if only its own codecs reach that", () => {
  const axes = [{ type: "latency" }, { type: "throughput" }] as const;
  const solve = (problem: Problem) => runPlanner(exact, problem, { seed: 1, clock });
  const front = findFront(balancedProblem("latency"), axes, { solve, points: 5 });
  if ("type" in front) throw new Error(front.reason);
  expect(front.complete).toBe(false);
  expect(front.points.map(({ values }) => values[1])).toEqual([50, 36]);
  const [first, last] = front.points;
  expect(first?.gap).toBe(0);
  // Nothing is faster than the first point, whatever the codecs; more is not known.
  expect(last?.gap).toBeCloseTo(1 - 62.1 / (last?.values[0] ?? 0), 9);
});
