import { gapOf } from "../plan/make-plan.ts";
import type { GrowthCell, GrowthEnd, GrowthResult } from "./growth.ts";
import type { SimulationCell, SimulationResult } from "./growth-simulation.ts";

/** A cell whose process gave no answer in time, or broke down. */
export interface GrowthFailure {
  readonly end: "late" | "failed";
  readonly reason: string;
}

export type PlannerRow = GrowthCell &
  (GrowthResult | GrowthFailure) & {
    /** (value − best bound of any planner on this problem) ÷ value; `null`: no value or no bound. */
    readonly gap: number | null;
  };

export type SimulatorRow = SimulationCell & (SimulationResult | GrowthFailure);

/** What all cells gave, and where and how they were measured. */
export interface GrowthReport {
  readonly command: string;
  readonly costs: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly limitSeconds: number;
  readonly planners: readonly PlannerRow[];
  readonly simulator: readonly SimulatorRow[];
}

/** Rates each answer by the best bound that any planner proved for the same problem. */
export function ratePlanners(
  measured: readonly (GrowthCell & (GrowthResult | GrowthFailure))[],
): PlannerRow[] {
  const bounds = new Map<string, number>();
  for (const row of measured) {
    if (!("bound" in row) || row.bound === null) continue;
    const key = problemKey(row);
    bounds.set(key, Math.max(bounds.get(key) ?? Number.NEGATIVE_INFINITY, row.bound));
  }
  return measured.map((row) => {
    const value = "value" in row ? row.value : null;
    return {
      ...row,
      gap: value === null ? null : gapOf(value, bounds.get(problemKey(row)) ?? null),
    };
  });
}

/** Ends without a plan to rate, in words. */
export function endInWords(end: GrowthEnd | GrowthFailure["end"]): string {
  switch (end) {
    case "finished":
      return "finished";
    case "stopped":
      return "stopped";
    case "nothing":
      return "stopped, no plan yet";
    case "refused":
      return "refused";
    case "infeasible":
      return "found no plan";
    case "late":
      return "would not stop";
    case "failed":
      return "failed";
    default:
      return end satisfies never;
  }
}

/** The same for all planners on one problem. */
export function problemKey({
  study,
  network,
  nodes,
  shape,
  devices,
  objective,
}: GrowthCell): string {
  return [study, network, nodes, shape, devices, objective].join(" ");
}
