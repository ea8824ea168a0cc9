/**
 * A whole cluster on one machine: the coordinator in this process, an agent process per device.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { systemClock } from "../base/clock.node.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import type { CoordinatorOptions } from "../cluster/coordinator-options.ts";
import type { Topology } from "../cost/topology.ts";
import type { Trace } from "../cost/trace.ts";
import type { Plan } from "../plan/plan.ts";
import { createOnnxRuntime } from "../runtime/onnxruntime.node.ts";
import type { PreparedGraph } from "../runtime/prepare.node.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { tcpTransport } from "../transport/tcp.node.ts";
import { AgentProcess } from "./agent-process.ts";
import { type Judge, playTrace, steeringBy } from "./judge.ts";

export interface FleetOptions {
  readonly plan: Plan;
  readonly topology: Topology;
  readonly prepared: PreparedGraph;
  /** Graph outputs that depend on no input. */
  readonly constantOutputs?: TensorValues;
  /** What the standard benchmark took where each device's kind was profiled, in seconds. */
  readonly benchmarks?: CoordinatorOptions["benchmarks"];
  /** Whether devices and links behave as slow as the topology says. */
  readonly emulate: boolean;
  /** Where clients dial. Default: a free port of the loopback. */
  readonly listen?: string;
  /** Default: a random one. */
  readonly token?: string;
  readonly onEvent?: CoordinatorOptions["onEvent"];
  /** Plans anew after a loss. Default: what is lost is waited for. */
  readonly replan?: CoordinatorOptions["replan"];
  /** Whether to plan for losses in advance. Default: where there is `replan`. */
  readonly fallbacks?: boolean;
  /** Re-plans while requests flow. Default: nobody. */
  readonly judge?: Judge;
  /** How devices and links change, from the time on when the fleet serves. Needs `emulate`. */
  readonly trace?: Trace;
  /** Ends the fleet when it is aborted. */
  readonly signal: AbortSignal;
}

export interface Fleet extends AsyncDisposable {
  readonly coordinator: Coordinator;
  readonly token: string;
  /** Process ids by device. */
  readonly processes: ReadonlyMap<string, number>;
}

/** Processes start by themselves. */
const joinSeconds = 30;
/**
 * A dead process is seen by the end of its channels. Silence means less on one machine, which may be
 * busy with a model.
 */
const liveness = { heartbeatSeconds: 0.25, missedHeartbeats: 20 };

/**
 * Starts a coordinator and the agents that its plan needs, and resolves when they serve. Disposing
 * of it ends every process; so does the end of this process, however it comes.
 *
 * @throws PLAN_INVALID, PORT_IN_USE, PART_REFUSED, DEVICE_LOST if an agent dies before it serves
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { topology, emulate, signal, onEvent, fallbacks, judge, trace } = options;
  const token = options.token ?? randomBytes(18).toString("base64url");
  // Whoever was interrupted while the graph was prepared wants no processes any more.
  signal.throwIfAborted();
  const over = new AbortController();
  const steering = steeringBy(judge, over.signal);
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: options.listen ?? "127.0.0.1:0",
    token,
    ...whatRuns(options),
    emulate,
    joinSeconds,
    ...liveness,
    // Where the coordinator's process ends, those that it started end, too.
    standby: false,
    ...steering?.hooks,
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(fallbacks === undefined ? {} : { fallbacks }),
  });
  const { address: join } = coordinator;
  const agents = devicesOf(coordinator, options).map((device) => {
    return new AgentProcess({ device, join, token, words: memoryWords(topology, device) });
  });
  const end = async (): Promise<void> => {
    over.abort();
    // Together: an agent that hangs would hold up the coordinator's farewell.
    await Promise.all([coordinator.close(), ...agents.map((agent) => agent.end())]);
  };
  signal.addEventListener("abort", () => void end(), { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([coordinator.ready(), ...agents.map((agent) => agent.death)]);
  } catch (error) {
    await end();
    throw error;
  }
  steering?.steer(coordinator);
  if (trace !== undefined) void playTrace(coordinator, trace, over.signal);
  return {
    coordinator,
    token,
    processes: new Map(agents.map(({ device, pid }) => [device, pid])),
    [Symbol.asyncDispose]: end,
  };
}

/** Those that the plan needs; if there may be other plans, all. */
function devicesOf(
  { devices }: Coordinator,
  { judge, topology }: Pick<FleetOptions, "judge" | "topology">,
): readonly string[] {
  if (judge === undefined) return devices;
  return topology.devices.flatMap(({ name, relay }) => (relay === undefined ? [name] : []));
}

/** What a coordinator is told of that which is to run. */
export function whatRuns(
  options: Pick<
    FleetOptions,
    "plan" | "topology" | "prepared" | "constantOutputs" | "replan" | "benchmarks"
  >,
): Omit<CoordinatorOptions, "transport" | "clock" | "listen" | "token"> {
  const { plan, topology, prepared, constantOutputs = {}, replan, benchmarks = {} } = options;
  return {
    plan,
    graph: prepared.graph,
    topology,
    model: prepared.model,
    types: prepared.openTypes,
    constantOutputs,
    runtime: createOnnxRuntime().name,
    calendar: () => Date.now() / 1000,
    benchmarks,
    ...(replan === undefined ? {} : { replan }),
  };
}

/** What an agent on this machine is told of the device that it is. */
export function memoryWords({ devices }: Topology, device: string): readonly string[] {
  const memory = devices.find(({ name }) => name === device)?.memoryBytes ?? null;
  return memory === null ? ["--local"] : ["--local", "--memory", `${memory} B`];
}
