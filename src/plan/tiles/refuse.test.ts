import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../../test/fixtures/picture-problem.ts";
import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import { check, tilesOf } from "../check.ts";
import { refuseEnvelope } from "../envelope.ts";
import { evaluate } from "../evaluate.ts";
import { findThreshold } from "../explain/figure.ts";
import { Solver } from "../explain/solver.ts";
import { explain } from "../explain.ts";
import { parseAxes } from "../pareto/axis.ts";
import { findFront } from "../pareto.ts";
import { type Plan, readPlan } from "../plan.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { runPlanner } from "../run-planner.ts";
import { planUncertain } from "../uncertain.ts";
import { blockedNodes, refuseBlocked } from "./refuse.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const problem = pictureProblem({});
const tiles = [stage([0, 1], [1, 2], [4, 8])];

/** Answers with one placement and the best bound that it could have. */
function fixed(knowsTiles: boolean, found: Pick<Incumbent, "placement" | "tiles">): Planner {
  return {
    name: "fixed",
    optimalAmong: "all",
    knowsTiles,
    refuses: () => null,
    *plan(asked: Problem) {
      const evaluation = evaluate(asked, found.placement, found.tiles);
      const value = evaluation.type === "feasible" ? evaluation.value : Number.NaN;
      const incumbent = { ...found, value, bound: value };
      yield incumbent;
      return incumbent;
    },
  };
}

function planWith(planner: Planner): Plan {
  const plan = runPlanner(planner, problem, { seed: 1, clock });
  if ("type" in plan) throw new Error(plan.reason);
  return plan;
}

const plan = planWith(fixed(true, { placement: [1, 1, 0], tiles }));

test("a plan names the members of a stage, their rows, and the rows that travel", () => {
  expect(plan.stages).toEqual([
    {
      id: "s0",
      devices: ["left", "right"],
      nodes: ["a", "b"],
      seconds: 9,
      tiles: [
        { device: "left", rows: [0, 4] },
        { device: "right", rows: [4, 8] },
      ],
    },
    { id: "s1", devices: ["camera"], nodes: ["c"], seconds: 8 },
  ]);
  expect(plan.transfers[0]).toEqual({
    tensor: "in",
    from: "camera",
    to: "left",
    bytes: 6,
    seconds: 6,
    rows: [0, 6],
  });
  expect(plan.placement).toEqual({ a: "left", b: "left", c: "camera" });
  expect(plan.limits).toEqual({ tiles: true });
});

test("such a plan is read and checked as it was written", () => {
  const read = readPlan(JSON.stringify(plan));
  expect(read).toEqual(plan);
  expect(check(problem, read).latencySeconds).toBe(plan.claimed.latencySeconds);
  expect(tilesOf(problem, read)).toEqual(tiles);
});

test.each<[string, (stages: Plan["stages"]) => Plan["stages"], string]>([
  [
    "other rows",
    ([first, ...others]) => [
      {
        ...first,
        tiles: [
          { device: "left", rows: [0, 5] },
          { device: "right", rows: [5, 8] },
        ],
      } as Plan["stages"][number],
      ...others,
    ],
    "the plan says",
  ],
  [
    "a member that there is not",
    ([first, ...others]) => [
      { ...first, tiles: [{ device: "moon", rows: [0, 8] }] } as Plan["stages"][number],
      ...others,
    ],
    "device 'moon', which there is not",
  ],
  [
    "members without rows",
    ([first, ...others]) => [
      {
        ...(first as Plan["stages"][number]),
        tiles: undefined,
      } as unknown as Plan["stages"][number],
      ...others,
    ],
    "is not what its placement gives",
  ],
])("a plan with %s is refused", (_, change, reason) => {
  expect(() => check(problem, { ...plan, stages: change(plan.stages) })).toThrow(reason);
});

test("what a planner proves without shared stages is not claimed where they are allowed", () => {
  const alone = { placement: [0, 0, 0] };
  expect(planWith(fixed(false, alone))).toMatchObject({ bound: null, guarantee: "heuristic" });
  expect(planWith(fixed(true, alone))).toMatchObject({ bound: 24, guarantee: "optimal" });
});

test("explains a plan with shared stages by all of their members", () => {
  const explained = explain(problem, plan, { solves: 4, stepsPerSolve: 20 });
  expect(explained.value).toBe(plan.claimed.latencySeconds);
  expect(explained.devices.map(({ device, nodes }) => [device, nodes])).toEqual([
    ["camera", 1],
    ["left", 2],
    ["right", 2],
  ]);
});

test("a plan that only moves rows moves no nodes, and uses all of its members", () => {
  const own = { placement: [1, 1, 0], tiles };
  const solve = (): Incumbent => {
    const other = { placement: [1, 1, 0], tiles: [stage([0, 1], [1, 2], [3, 8])] };
    return { ...other, value: 1, bound: null };
  };
  const budget = { solves: 100, stepsPerSolve: 1 };
  const solver = Object.assign(new Solver(budget), { solve });
  const figure = { type: "speed", device: "left" } as const;
  expect(findThreshold(problem, own, figure, 1 / 16, solver)).toMatchObject({
    type: "changes",
    devicesUsed: ["camera", "left", "right"],
    movedNodes: 0,
    recutNodes: 2,
  });
});

test("what compares stages of one device refuses shared ones", () => {
  const solve = () => {
    throw new Error("asked for a plan");
  };
  const axes = parseAxes("latency,energy", problem.topology);
  expect(() => findFront(problem, axes, { solve, points: 3 })).toThrow(
    "leave out the limit 'tiles'",
  );
  const uncertain = { states: [], judge: "mean", solve, seed: 1 } as const;
  expect(() => planUncertain(problem, uncertain)).toThrow("leave out the limit 'tiles'");
  expect(refuseEnvelope(problem)).toContain("several devices run together");
});

test("tiles of tensors that hold channels in blocks are refused, with what to do", () => {
  const { graph } = problem.index;
  expect(blockedNodes(graph)).toEqual([]);
  expect(() => refuseBlocked(graph)).not.toThrow();
  const [first, ...others] = graph.nodes;
  if (first === undefined) throw new Error("the graph has no nodes");
  const blocked = { ...first, operator: "com.microsoft.nchwc:Conv" };
  expect(() => refuseBlocked({ ...graph, nodes: [blocked, ...others] })).toThrow(
    expect.objectContaining({
      code: "USAGE_INVALID",
      message: expect.stringContaining("profile the model again with --level extended"),
    }),
  );
});
