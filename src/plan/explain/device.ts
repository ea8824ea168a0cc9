import type { Alternative } from "../explanation.ts";
import { createProblem, type Problem } from "../problem.ts";
import { changeDevice, isClosed, rebuild, type Solved, type Solver, usedBy } from "./solver.ts";

/** The best plan in which a device runs nothing. */
export function withoutDevice(
  problem: Problem,
  device: number,
  value: number,
  solver: Solver,
): Alternative {
  const topology = changeDevice(problem, device, (old) => ({ ...old, profile: "none" }));
  return alternativeOf(problem, solver.solve(rebuild(problem, topology)), value);
}

/** Nodes that a device left out is tried with: more of them would cost more solves than they tell. */
const forcedNodes = 8;

/**
 * The best plan in which the device runs something: for each of some nodes spread over the graph, the
 * best plan with that node there.
 */
export function withDevice(
  problem: Problem,
  device: number,
  value: number,
  solver: Solver,
): Alternative {
  const able = problem.index.graph.nodes
    .map((_, node) => node)
    .filter((node) => Number.isFinite(problem.seconds.get(device, node)))
    .filter((node) => device === problem.source || !problem.pinned.has(node));
  if (able.length === 0) {
    const relays = problem.kinds[device] === null;
    const reason = relays ? "the device only relays" : "the device is allowed to run no node";
    return { type: "none", reason };
  }
  const count = Math.min(forcedNodes, able.length);
  const tried = new Set(
    Array.from(
      { length: count },
      (_, at) => able[Math.round((at * (able.length - 1)) / Math.max(1, count - 1))] as number,
    ),
  );
  let best: Alternative | null = null;
  for (const node of tried) {
    const found = alternativeOf(problem, solver.solve(forceNode(problem, device, node)), value);
    if (best === null || rank(found) < rank(best)) best = found;
  }
  const isComplete = tried.size === able.length;
  if (best?.type === "plan" && !isComplete) return { ...best, isOptimal: false };
  return best ?? { type: "unknown", reason: "nothing was tried" };
}

function rank(alternative: Alternative): number {
  if (alternative.type === "plan") return alternative.value;
  return alternative.type === "unknown" ? Number.MAX_VALUE : Number.POSITIVE_INFINITY;
}

/** The problem in which a node can run on one device only. */
function forceNode(problem: Problem, device: number, node: number): Problem {
  const kinds = Object.fromEntries(
    problem.devices.flatMap(({ name }, other) => {
      const kind = problem.kinds[other] ?? null;
      if (kind === null) return [];
      const nodeSeconds =
        other === device
          ? kind.nodeSeconds
          : kind.nodeSeconds.map((seconds, at) => (at === node ? null : seconds));
      return [[name, { ...kind, nodeSeconds }] as const];
    }),
  );
  const devices = problem.topology.devices.map((old) =>
    old.profile === "none" ? old : { ...old, profile: old.name },
  );
  return createProblem(
    { ...problem.profile, devices: kinds },
    { ...problem.topology, devices },
    problem.objective,
    problem.limits,
  );
}

function alternativeOf(problem: Problem, solved: Solved, value: number): Alternative {
  if (solved === "unknown") return { type: "unknown", reason: "the budget of solves is used up" };
  if ("type" in solved) return { type: "none", reason: solved.reason };
  return {
    type: "plan",
    value: solved.value,
    ratio: value === 0 ? 1 : solved.value / value,
    devicesUsed: usedBy(problem, solved),
    isOptimal: isClosed(solved),
  };
}
