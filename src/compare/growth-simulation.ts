import { modelProfile } from "../cost/roofline.ts";
import { evaluate } from "../plan/evaluate.ts";
import { createProblem, type Placement } from "../plan/problem.ts";
import { simulate } from "../sim/pipeline.ts";
import { addedMemory, type GrowthHost, growthGraph } from "./growth.ts";
import { growthTopology } from "./growth-topologies.ts";

/** One run of the simulator: a pipeline over as many devices as stages, in a line. */
export interface SimulationCell {
  readonly type: "simulator";
  /** What grows. */
  readonly study: "requests" | "stages";
  readonly requests: number;
  readonly stages: number;
}

export interface SimulationResult {
  readonly simulateSeconds: number;
  /** What the run added to the process at its largest. */
  readonly memoryBytes: number;
  /** Mean time between answers behind the first tenth, and what the cost model says. */
  readonly periodSeconds: number | null;
  readonly claimedPeriodSeconds: number;
}

/** Runs one cell once: twice as many requests as stages are in the system at all times. */
export function runSimulationCell(
  { requests, stages }: SimulationCell,
  { clock, memory }: GrowthHost,
): SimulationResult {
  const graph = growthGraph("mobilenetv2", 2 * stages);
  const problem = createProblem(modelProfile(graph), growthTopology("line", stages), {
    type: "throughput",
  });
  const placement: Placement = graph.nodes.map((_, node) =>
    Math.floor((node * stages) / graph.nodes.length),
  );
  const claimed = evaluate(problem, placement);
  if (claimed.type === "infeasible") throw new Error(claimed.reason);
  const before = memory();
  const started = clock.now();
  const found = simulate(problem, placement, {
    arrivals: { type: "closed", inFlight: 2 * stages },
    requests,
    warmUp: Math.floor(requests / 10),
  });
  const simulateSeconds = clock.now() - started;
  if (found.type === "infeasible") throw new Error(found.reason);
  return {
    simulateSeconds,
    memoryBytes: addedMemory(before, memory()),
    periodSeconds: found.periodSeconds,
    claimedPeriodSeconds: claimed.periodSeconds,
  };
}
