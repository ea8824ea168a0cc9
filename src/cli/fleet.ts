/**
 * A whole cluster on one machine: the coordinator in this process, an agent process per device.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { systemClock } from "../base/clock.node.ts";
import { CodedError } from "../base/errors.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import type { CoordinatorOptions } from "../cluster/coordinator-options.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import { createOnnxRuntime } from "../runtime/onnxruntime.node.ts";
import type { PreparedGraph } from "../runtime/prepare.node.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { tcpTransport } from "../transport/tcp.node.ts";

export interface FleetOptions {
  readonly plan: Plan;
  readonly topology: Topology;
  readonly prepared: PreparedGraph;
  /** Graph outputs that depend on no input. */
  readonly constantOutputs?: TensorValues;
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
  /** `join`: no process is started, agents of other machines are waited for. Default: `start`. */
  readonly agents?: "start" | "join";
  /** Called as soon as agents can join. */
  readonly onListening?: (coordinator: Coordinator, token: string) => void;
  /** Ends the fleet when it is aborted. */
  readonly signal: AbortSignal;
}

export interface Fleet extends AsyncDisposable {
  readonly coordinator: Coordinator;
  readonly token: string;
  /** Process ids by device. */
  readonly processes: ReadonlyMap<string, number>;
}

/** Processes start by themselves, people take their time. */
const joinSeconds = { start: 30, join: null };
/**
 * A dead process is seen by the end of its channels. Silence means less on one machine, which may be
 * busy with a model.
 */
const liveness = {
  start: { heartbeatSeconds: 0.25, missedHeartbeats: 20 },
  join: { heartbeatSeconds: 0.5, missedHeartbeats: 10 },
};
/** An agent that is told to end gets this long before it is killed. */
const patienceMilliseconds = 3000;
/** As much of what an agent wrote before it died as a message may quote. */
const quotedCharacters = 2000;

/**
 * Starts a coordinator and the agents that its plan needs, and resolves when they serve. Disposing
 * of it ends every process; so does the end of this process, however it comes.
 *
 * @throws PLAN_INVALID, PORT_IN_USE, PART_REFUSED, DEVICE_LOST if an agent dies before it serves
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { plan, topology, prepared, emulate, signal, agents: how = "start" } = options;
  const { onEvent, replan, fallbacks } = options;
  const token = options.token ?? randomBytes(18).toString("base64url");
  // Whoever was interrupted while the graph was prepared wants no processes any more.
  signal.throwIfAborted();
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: options.listen ?? "127.0.0.1:0",
    token,
    plan,
    graph: prepared.graph,
    topology,
    model: prepared.model,
    types: prepared.openTypes,
    constantOutputs: options.constantOutputs ?? {},
    runtime: createOnnxRuntime().name,
    emulate,
    joinSeconds: joinSeconds[how],
    ...liveness[how],
    // Where the coordinator's process ends, those that it started end, too.
    standby: how === "join",
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(replan === undefined ? {} : { replan }),
    ...(fallbacks === undefined ? {} : { fallbacks }),
  });
  options.onListening?.(coordinator, token);
  const agents =
    how === "join"
      ? []
      : coordinator.devices.map(
          (device) => new AgentProcess(device, coordinator, token, memoryOf(topology, device)),
        );
  const end = async (): Promise<void> => {
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
  return {
    coordinator,
    token,
    processes: new Map(agents.map(({ device, pid }) => [device, pid])),
    [Symbol.asyncDispose]: end,
  };
}

function memoryOf({ devices }: Topology, device: string): number | null {
  return devices.find(({ name }) => name === device)?.memoryBytes ?? null;
}

/** One `partita agent`. Its standard input carries the token, and ends it when this process ends. */
class AgentProcess {
  readonly device: string;
  readonly pid: number;
  /** Rejects when the process ends without having been told to. */
  readonly death: Promise<never>;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #ending = false;
  #written = "";

  constructor(device: string, { address }: Coordinator, token: string, memoryBytes: number | null) {
    const script = createRequire(import.meta.url).resolve("#cli");
    const words = ["agent", "--join", address, "--name", device, "--token", "-", "--quiet"];
    if (memoryBytes !== null) words.push("--memory", `${memoryBytes} B`);
    const child = spawn(process.execPath, [script, ...words], {
      stdio: ["pipe", "ignore", "pipe"],
      // In a group of its own: Ctrl-C in a terminal reaches the whole group, and agents that leave by
      // themselves would look lost to the coordinator before it ends.
      detached: true,
    });
    this.device = device;
    this.pid = child.pid ?? 0;
    this.#process = child;
    child.stdin?.on("error", () => undefined);
    child.stdin?.write(`${token}\n`);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#written = (this.#written + text).slice(-quotedCharacters);
    });
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    this.death = this.#exited.then(() => this.#mourn());
    // Once the fleet serves, the coordinator notices by itself, and goes on without it.
    this.death.catch(() => undefined);
  }

  /** Ends the process, by force if it does not end when asked. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.stdin?.end();
    const force = setTimeout(() => this.#process.kill("SIGKILL"), patienceMilliseconds);
    await this.#exited;
    clearTimeout(force);
  }

  #mourn(): Promise<never> {
    if (this.#ending) return new Promise(() => undefined);
    const { exitCode, signalCode } = this.#process;
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    const said = this.#written.trim();
    throw new CodedError(
      "DEVICE_LOST",
      `the agent of device '${this.device}' ended (${how})${said === "" ? "" : `: ${said}`}`,
      { device: this.device },
    );
  }
}
