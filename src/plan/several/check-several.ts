import { CodedError } from "../../base/errors.ts";
import type { Topology } from "../../cost/topology.ts";
import { asPass } from "../batch.ts";
import { check } from "../check.ts";
import { problemOfPlan } from "../problem-of-plan.ts";
import type { Reservation } from "../reservation.ts";
import { type PlacedModel, reserve, usingModel } from "./remaining.ts";
import { evaluateSeveral, type Together } from "./together.ts";

/**
 * Refuses plans that cannot run together as they are written down: each one's claims must hold for
 * what it says that others had taken, those others must take that, and all must fit.
 *
 * @returns what they cost together
 * @throws PLAN_INVALID
 */
export function checkSeveral(topology: Topology, models: readonly PlacedModel[]): Together {
  const byName = new Map(models.map((model) => [model.name, model]));
  for (const { name, profile, plan } of models) {
    const problem = problemOfPlan(plan, profile, topology);
    check(problem, asPass(plan, problem));
    const { reserved } = plan;
    if (reserved === undefined) continue;
    const others = reserved.models.map((other) => {
      const model = byName.get(other.name);
      if (model?.requestsPerSecond === other.requestsPerSecond) return usingModel(topology, model);
      const found = model === undefined ? "is not there" : `has ${model.requestsPerSecond} /s`;
      throw invalid(
        `the plan of model '${name}' was made beside '${other.name}' at ${other.requestsPerSecond} /s, which ${found}; plan them together again`,
      );
    });
    if (isSame(reserved, reserve(topology, others))) continue;
    throw invalid(
      `the plan of model '${name}' was made beside other plans of ${others.map((other) => `'${other.name}'`).join(", ")} than these; plan them together again`,
    );
  }
  const together = evaluateSeveral(topology, models);
  if (together.type === "feasible") return together;
  throw invalid(`the plans cannot run together: ${together.reason}`);
}

/** Sums in another order differ in their last bits. */
const tolerance = 1e-9;

function isSame(a: Reservation, b: Reservation): boolean {
  return isWithin(figuresOf(a), figuresOf(b)) && isWithin(figuresOf(b), figuresOf(a));
}

function figuresOf({ devices, links }: Reservation): ReadonlyMap<string, number> {
  return new Map([
    ...Object.entries(devices).flatMap(([name, { utilisation, memoryBytes }]) => [
      [JSON.stringify(["busy", name]), utilisation] as const,
      [JSON.stringify(["memory", name]), memoryBytes] as const,
    ]),
    ...links.map(
      ({ from, to, utilisation }) => [JSON.stringify(["link", from, to]), utilisation] as const,
    ),
  ]);
}

function isWithin(figures: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>) {
  return [...figures].every(
    ([key, value]) => Math.abs(value - (others.get(key) ?? 0)) <= tolerance * Math.abs(value),
  );
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
