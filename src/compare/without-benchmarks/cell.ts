import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import { placementOf } from "../../plan/check.ts";
import { evaluate } from "../../plan/evaluate.ts";
import type { LinearSolver } from "../../plan/linear-solver.ts";
import type { Planner } from "../../plan/planner.ts";
import { exact } from "../../plan/planners/exact.ts";
import { findCuts } from "../../plan/planners/resource-aware/cuts.ts";
import { resourceAware, resourceAwareWeighted } from "../../plan/planners/resource-aware.ts";
import { createProblem, type Placement, type Problem } from "../../plan/problem.ts";
import { answerOf } from "../answer.ts";
import { benchmarkedAt, limitsOf, type Setting, topologyOf } from "./setting.ts";

/** The ways to decide that are compared; guests stand beside under their names. */
export const methods = [
  "resource-aware",
  "resource-aware-weighted",
  "unchecked",
  "stale",
  "true",
  "device-only",
  "server-only",
  "within budgets",
  "exact",
] as const;
export type Method = (typeof methods)[number];

/** What a decision costs, measured; whether it breaks a budget. */
export interface Outcome {
  readonly latencySeconds: number;
  /** On the link, both ways. */
  readonly linkBytes: number;
  /** The budget that it breaks, in words; `null`: none. */
  readonly breaks: string | null;
  /** How a planner says that it decided. */
  readonly decidedBy?: string;
}

export interface Cell extends Setting {
  /** `null`: the method has no plan. */
  readonly outcomes: Readonly<Record<string, Outcome | null>>;
  /** Why a method has no plan. */
  readonly refused: Readonly<Record<string, string>>;
}

interface Host {
  readonly clock: Clock;
  readonly solver: LinearSolver;
  readonly guests: readonly Planner[];
}

/** Seconds for a search that a limit makes long. */
const limitSeconds = 5;

/** Asks all methods for one setting. */
export function measureCell(setting: Setting, profile: Profile, host: Host): Cell {
  const free = problemFor(setting, profile);
  const problem = withBudgets(setting, free);
  const cuts = cutsOf(free);
  const record = (placement: Placement, decidedBy?: string): Outcome => {
    const found = evaluate(free, placement);
    if (found.type === "infeasible") throw new Error(`no limits, and yet: ${found.reason}`);
    return {
      latencySeconds: found.latencySeconds,
      linkBytes: found.hops.reduce(
        (sum, { link, tensor }) => sum + free.hops.bytes(link, tensor),
        0,
      ),
      breaks: breachOf(problem, placement),
      ...(decidedBy === undefined ? {} : { decidedBy }),
    };
  };
  const refused: Record<string, string> = {};
  const planned = (planner: Planner, asked = problem, method = planner.name): Outcome | null => {
    const { clock, solver } = host;
    const { plan, reason } = answerOf(planner, asked, { clock, solver, limitSeconds });
    if (plan !== null) return record(placementOf(asked, plan), plan.method);
    refused[method] = reason ?? "it gave no reason";
    return null;
  };
  const fastest = (among: readonly Placement[], judge: Problem): Placement | null =>
    best(among, (placement) => latencyOf(judge, placement));
  const recorded = (placement: Placement | null): Outcome | null =>
    placement === null ? null : record(placement);
  const thenFree = problemFor({ ...setting, megabits: benchmarkedAt }, profile);
  const own: Readonly<Record<Method, Outcome | null>> = {
    "resource-aware": planned(resourceAware),
    "resource-aware-weighted": planned(resourceAwareWeighted),
    unchecked: planned(resourceAware, unmeasured(problem), "unchecked"),
    stale: recorded(fastest(cuts, thenFree)),
    true: recorded(fastest(cuts, free)),
    "device-only": recorded(cuts.at(-1) ?? null),
    "server-only": recorded(cuts[0] ?? null),
    "within budgets": recorded(
      fastest(
        cuts.filter((placement) => breachOf(problem, placement) === null),
        free,
      ),
    ),
    exact: planned(exact),
  };
  const guests = host.guests.map((planner) => [planner.name, planned(planner)] as const);
  return { ...setting, outcomes: { ...own, ...Object.fromEntries(guests) }, refused };
}

/**
 * The fastest known within budgets: the exact plan where it keeps them, for it does not know storage,
 * and else the best cut that does.
 */
export function bestKnown({ outcomes }: Cell): Outcome | null {
  const { exact: proven, "within budgets": cut } = outcomes;
  return proven?.breaks === null ? proven : (cut ?? null);
}

/** The faster of everything on the device and everything on the server, among those within budgets. */
export function bestSingle({ outcomes }: Cell): Outcome | null {
  const both = [outcomes["device-only"], outcomes["server-only"]].flatMap((outcome) =>
    outcome === null || outcome === undefined || outcome.breaks !== null ? [] : [outcome],
  );
  return best(both, ({ latencySeconds }) => latencySeconds);
}

/** Without budgets, and so judged by latency alone. */
function problemFor(setting: Setting, profile: Profile): Problem {
  const topology = topologyOf(setting, profile);
  const devices = topology.devices.map((device) => ({ ...device, memoryBytes: null }));
  return createProblem(profile, { ...topology, devices }, { type: "latency" });
}

function withBudgets(setting: Setting, free: Problem): Problem {
  const energies = cutsOf(free).map((placement) => {
    const found = evaluate(free, placement);
    return found.type === "feasible" ? found.energyJoules : Number.POSITIVE_INFINITY;
  });
  const limits = limitsOf(setting, Math.min(...energies));
  return createProblem(free.profile, topologyOf(setting, free.profile), free.objective, limits);
}

/** With no second known, so that a limit on energy refuses nothing but what the planner estimates. */
function unmeasured({ profile, topology, objective, limits }: Problem): Problem {
  const devices = Object.entries(profile.devices).map(([name, kind]) => {
    const nodeSeconds = kind.nodeSeconds.map((value) => (value === null ? null : seconds(0)));
    return [name, { ...kind, nodeSeconds }] as const;
  });
  return createProblem(
    { ...profile, devices: Object.fromEntries(devices) },
    topology,
    objective,
    limits,
  );
}

/** From everything on the server to everything on the device. */
function cutsOf(problem: Problem): Placement[] {
  const [device, server] = [problem.source, 1 - problem.source];
  return findCuts(problem, { device, server }).map(({ nodes }) =>
    problem.index.graph.nodes.map((_, node) => (node < nodes ? device : server)),
  );
}

/** The first budget that a placement breaks; storage too, which `evaluate` does not know. */
function breachOf(problem: Problem, placement: Placement): string | null {
  const found = evaluate(problem, placement);
  if (found.type === "infeasible") return found.reason;
  const { nodes } = problem.index.graph;
  const full = problem.devices.find(({ storageBytes }, device) => {
    const stored = nodes.reduce(
      (sum, { parameterBytes }, node) => sum + (placement[node] === device ? parameterBytes : 0),
      0,
    );
    return stored > (storageBytes ?? Number.POSITIVE_INFINITY);
  });
  return full === undefined ? null : `device '${full.name}' stores more than it can`;
}

function latencyOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.latencySeconds : Number.POSITIVE_INFINITY;
}

function best<T>(items: readonly T[], cost: (item: T) => number): T | null {
  let found: { item: T; cost: number } | null = null;
  for (const item of items) {
    const own = cost(item);
    if (found === null || own < found.cost) found = { item, cost: own };
  }
  return found?.item ?? null;
}
