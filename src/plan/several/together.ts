import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import { type Evaluation, evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import { withMemoryLimit } from "../problem.ts";
import { type Reservation, topologyLeft } from "../reservation.ts";
import { type PlacedModel, reserve, usingModel } from "./remaining.ts";
import { planOn } from "./standing-plan.ts";

/** What models on the same devices and links come to. */
export interface Together {
  readonly type: "feasible";
  /** In the order of the models. */
  readonly models: readonly ModelTogether[];
  /** Of all requests: Σ rate · latency ÷ Σ rate. */
  readonly meanLatencySeconds: number;
  /** What all of them take. */
  readonly taken: Reservation;
}

/** A model beside all others: with what they leave of devices and links. */
export interface ModelTogether {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly latencySeconds: number;
  /** 1 ÷ the most requests a second that it could be asked, the others' rates as they are. */
  readonly periodSeconds: number;
}

/**
 * What plans cost that run on the same devices and links, each at its rate: each as it stands, with
 * its routes and codecs, at the speeds that all others leave it. O(models · evaluation) time.
 *
 * @returns `Infeasible` if a device or link is asked for more time than there is, if memory does not
 * suffice, or if a model breaks a limit of its own beside the others
 * @throws PLAN_INVALID if a plan does not fit the topology; as `createProblem`
 */
export function evaluateSeveral(
  topology: Topology,
  models: readonly PlacedModel[],
): Together | Infeasible {
  const using = models.map((model) => usingModel(topology, model));
  const taken = reserve(topology, using);
  const excess = findOverload(topology, taken, leastMemoryLimit(models));
  if (excess !== null) return excess;
  const found: ModelTogether[] = [];
  for (const [position, model] of models.entries()) {
    const others = using.filter((_, other) => other !== position);
    const evaluation = evaluateBeside(topology, model, reserve(topology, others));
    const { name, requestsPerSecond } = model;
    if (evaluation.type === "infeasible") {
      const reason = `model '${name}' beside the others: ${evaluation.reason}`;
      return infeasible(reason, { model: name, ...evaluation.witness });
    }
    // Of a pass the whole latency, and a share of the period.
    const { most, waitSeconds } = model.plan.batch ?? { most: 1, waitSeconds: 0 };
    const latencySeconds = evaluation.latencySeconds + waitSeconds;
    const periodSeconds = evaluation.periodSeconds / most;
    found.push({ name, requestsPerSecond, latencySeconds, periodSeconds });
  }
  return { type: "feasible", models: found, meanLatencySeconds: meanLatency(found), taken };
}

function evaluateBeside(
  topology: Topology,
  model: PlacedModel,
  others: Reservation,
): Evaluation | Infeasible {
  const left = topologyLeft(topology, others);
  const { problem, placement, tiles } = planOn(model, topology, left);
  return evaluate(problem, placement, tiles);
}

/** What one model may not pass all may not pass together: it is a limit of devices. */
function leastMemoryLimit(models: readonly PlacedModel[]): number | undefined {
  const limits = models.flatMap(({ plan }) => plan.limits.memoryBytes ?? []);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function findOverload(
  topology: Topology,
  { devices, links }: Reservation,
  mostMemoryBytes: number | undefined,
): Infeasible | null {
  const percent = (utilisation: number): string =>
    `${Number((100 * utilisation).toPrecision(3))} %`;
  for (const { name, memoryBytes: has } of withMemoryLimit(topology.devices, mostMemoryBytes)) {
    const taken = Object.hasOwn(devices, name) ? devices[name] : undefined;
    if (taken === undefined) continue;
    const { utilisation, memoryBytes } = taken;
    if (utilisation >= 1) {
      const reason = `device '${name}' would be busy for ${percent(utilisation)} of its time, and there are 100 %`;
      return infeasible(reason, { device: name, utilisation });
    }
    if (has === null || memoryBytes <= has) continue;
    return infeasible(
      `device '${name}' would need ${formatQuantity(memoryBytes, "B", 4)} for all models together, ${formatQuantity(memoryBytes - has, "B")} more than its memory of ${formatQuantity(has, "B", 4)}`,
      { device: name, neededBytes: memoryBytes, memoryBytes: has },
    );
  }
  const full = links.find(({ utilisation }) => utilisation >= 1);
  if (full === undefined) return null;
  const { from, to, utilisation } = full;
  const reason = `the link ${from} → ${to} would be busy for ${percent(utilisation)} of the time, and there are 100 %`;
  return infeasible(reason, { from, to, utilisation });
}

function meanLatency(models: readonly ModelTogether[]): number {
  const requests = models.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  const seconds = models.reduce(
    (sum, { requestsPerSecond, latencySeconds }) => sum + requestsPerSecond * latencySeconds,
    0,
  );
  return seconds / requests;
}
