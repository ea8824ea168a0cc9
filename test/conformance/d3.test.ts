import { findLine } from "../../src/plan/line.ts";
import type { Planner } from "../../src/plan/planner.ts";
import { d3, d3Exact, d3LookAhead } from "../../src/plan/planners/d3.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, type PlannerException, plannerConformance } from "./planner.ts";
import type { ProblemClass } from "./planner-problems.ts";

const objectives = ["latency", "energy", "weighted"] as const;
const classes: readonly ProblemClass[] = (["line", "mesh"] as const).flatMap((shape) =>
  objectives.map((objective) => ({ shape, objective, tiers: true as const })),
);
const others: readonly ProblemClass[] = [
  { shape: "line", objective: "throughput", tiers: true },
  { shape: "line", objective: "latency" },
];

const always: readonly PlannerException[] = [
  {
    reason: "a throughput is no sum",
    refuses: ({ objective }) => objective.type === "throughput",
  },
  {
    reason: "one device a tier",
    refuses: (problem) => {
      const tiers = runners(problem).map((device) => problem.devices[device]?.tier);
      return new Set(tiers).size < tiers.length;
    },
  },
  {
    reason: "a route from each tier to every later one",
    refuses: (problem) => hasGap(problem),
  },
];

suite(d3, [...always, sharing()]);
suite(d3LookAhead, [...always, sharing()]);
suite(d3Exact, [
  ...always,
  { reason: "tiers in a row, from the source", refuses: (problem) => !isRow(problem) },
]);

function suite(planner: Planner, exceptions: readonly PlannerException[]): void {
  const problems = longRun ? 2000 : 300;
  plannerConformance(planner, { problems, nodes: 6, devices: 3, classes, exceptions });
  plannerConformance(planner, {
    problems: longRun ? 400 : 40,
    nodes: 6,
    devices: 3,
    classes: others,
    exceptions,
  });
}

function sharing(): PlannerException {
  return {
    reason: "nodes that must share a device",
    refuses: ({ groups }) => groups.length > 0,
  };
}

/** In this class the devices stand in the order of their tiers. */
function runners({ kinds }: Problem): number[] {
  return kinds.flatMap((kind, device) => (kind === null ? [] : [device]));
}

function hasGap(problem: Problem): boolean {
  const able = runners(problem);
  return able.some((from, tier) =>
    able.slice(tier + 1).some((to) => problem.hops.route(from, to, 0) === null),
  );
}

function isRow(problem: Problem): boolean {
  const order = findLine(problem)?.devices ?? [];
  const away = order[0] === problem.source ? order : order.toReversed();
  const tiers = away.filter((device) => runners(problem).includes(device));
  return away[0] === problem.source && tiers.join() === runners(problem).join();
}
