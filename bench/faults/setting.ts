/**
 * The cluster that faults are tried on: a real model on devices whose speeds and links are imitated,
 * so that what a plan predicts is what it should do, on any machine.
 *
 * @module
 */
import { systemClock } from "../../dist/base/clock.node.js";
import { createRandom } from "../../dist/base/random.js";
import { bytes, seconds, secondsPerByte } from "../../dist/base/units.js";
import type { Topology } from "../../dist/cost/topology.js";
import { readTopology } from "../../dist/cost/topology-file.js";
import { evaluate } from "../../dist/plan/evaluate.js";
import type { Plan } from "../../dist/plan/plan.js";
import { pipedge } from "../../dist/plan/planners/pipedge.js";
import { createProblem, type Problem } from "../../dist/plan/problem.js";
import { runPlanner } from "../../dist/plan/run-planner.js";
import { createOnnxRuntime } from "../../dist/runtime/onnxruntime.node.js";
import { type PreparedGraph, prepareGraph } from "../../dist/runtime/prepare.node.js";
import type { Runtime, TensorValues } from "../../dist/runtime/runtime.js";
import { zoo } from "../../dist/zoo/zoo.js";

export const token = "try me";
export const resolution = 32;

/** Alone, the camera answers 20 requests a second; all together as many as two cores can. */
export const speeds = { camera: 0.13, gateway: 0.09, spare: 0.08, cloud: 0.1 } as const;
export type DeviceName = keyof typeof speeds;
export const deviceNames: readonly DeviceName[] = ["camera", "gateway", "spare", "cloud"];

/** What a node takes on the machine that speeds refer to, whichever node it is. */
const nodeSeconds = 1e-4;

/** @param sink where the answers are wanted; the camera is the source */
export function topologyOf(sink: DeviceName): Topology {
  const links = deviceNames.flatMap((one, place) =>
    deviceNames.slice(place + 1).map((other) => ({
      between: [one, other],
      bandwidth: "100 Mbit/s",
      latency: "1 ms",
    })),
  );
  return readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: deviceNames.map((name) => ({ name, speed: speeds[name] })),
      links,
      source: "camera",
      sink,
    }),
  );
}

/** The same bytes in every process. */
export async function prepareModel(): Promise<PreparedGraph> {
  const model = zoo.squeezenet.build({ width: 0.125, resolution, classes: 10 });
  return await prepareGraph(model, { level: "basic" });
}

export function problemOf({ graph }: PreparedGraph, topology: Topology): Problem {
  const kind = {
    nodeSeconds: graph.nodes.map(() => seconds(nodeSeconds)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  const profile = { format: "partita.profile/1", graph, devices: { here: kind } } as const;
  return createProblem(profile, topology, { type: "throughput" });
}

/** Between two answers of the camera alone. */
export function alonePeriodSeconds(prepared: PreparedGraph): number {
  const problem = problemOf(prepared, topologyOf("camera"));
  const alone = evaluate(
    problem,
    problem.index.graph.nodes.map(() => 0),
  );
  if (alone.type === "infeasible") throw new Error(alone.reason);
  return alone.periodSeconds;
}

export function replan(
  prepared: PreparedGraph,
  topology: Topology,
): Plan | { readonly infeasible: string } {
  const problem = problemOf(prepared, topology);
  // Within milliseconds, always the same, and not far from the best.
  const plan = runPlanner(pipedge, problem, { seed: 1, clock: systemClock });
  return "type" in plan ? { infeasible: plan.reason } : plan;
}

/** Really runs what it is given, but says that each node took the same time. */
export function steadyRuntime(): Runtime {
  const runtime = createOnnxRuntime();
  return {
    name: runtime.name,
    load: async (model, options) => {
      const session = await runtime.load(model, options);
      const nodes = model.proto.graph?.node.length ?? 0;
      const computeSeconds = seconds(nodes * nodeSeconds);
      return {
        inputs: session.inputs,
        outputs: session.outputs,
        run: async (inputs) => ({ outputs: (await session.run(inputs)).outputs, computeSeconds }),
        release: () => session.release(),
      };
    },
  };
}

/** A request and the whole model's answer. */
export interface Sample {
  readonly inputs: TensorValues;
  readonly outputs: TensorValues;
}

export async function makeSamples(prepared: PreparedGraph, count: number): Promise<Sample[]> {
  const session = await createOnnxRuntime().load(prepared.model, { threads: 1 });
  const samples: Sample[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const { outputs } = await session.run(inputsOf(prepared, seed));
    samples.push({ inputs: inputsOf(prepared, seed), outputs });
  }
  await session.release();
  return samples;
}

function inputsOf({ graph }: PreparedGraph, seed: number): TensorValues {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: 3 * resolution ** 2 }, () => random.next() - 0.5);
  const value = {
    dataType: "float32",
    shape: [1, 3, resolution, resolution],
    data: new Uint8Array(values.buffer),
  } as const;
  return Object.fromEntries(graph.inputs.map((name) => [name, value]));
}
