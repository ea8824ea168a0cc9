/**
 * A real coordinator and real agents on the test bed, and whoever asks them.
 *
 * @module
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { script } from "./asking.js";
import type { Command } from "./commands.js";
import type { Running, Testbed } from "./testbed.js";

export interface ClusterOptions {
  readonly folder: string;
  readonly topologyFile: string;
  readonly network: string;
  readonly devices: readonly string[];
  /** Where the coordinator and whoever asks are, without the device's quota. */
  readonly desk: string;
  /** How long a device may be silent for. */
  readonly heartbeat: { readonly every: string; readonly missed: number };
  /** Options of the coordinator that say what is run. */
  readonly plan: readonly string[];
}

/** How requests are asked. */
export interface Asking {
  readonly requests: number;
  /** Before it is `ready`: code that has run often is compiled for speed, some functions after hundreds of tensors. */
  readonly warmUps: number;
  /** Between `ready` and `begun`. */
  readonly settleSeconds: number;
  /** So many a second, or so many at a time. */
  readonly pace: { readonly perSecond: number } | { readonly inFlight: number };
}

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const port = 7000;

export class Cluster {
  readonly coordinator: Running;
  readonly agents: ReadonlyMap<string, Running>;
  readonly #processes: Running[];
  readonly #startAsking: (asking: Asking) => Running;

  private constructor(
    processes: Running[],
    agents: ReadonlyMap<string, Running>,
    startAsking: (asking: Asking) => Running,
  ) {
    [this.coordinator] = processes as [Running];
    this.agents = agents;
    this.#processes = processes;
    this.#startAsking = startAsking;
  }

  /** Resolves when it serves; if it never does, nothing of it is left. */
  static async start(testbed: Testbed, options: ClusterOptions): Promise<Cluster> {
    const { folder, devices, desk, network } = options;
    const state = mkdtempSync(join(folder, "state-"));
    const address = `${testbed.address(desk)}:${port}`;
    const coordinator = startCoordinator(testbed, options, address, state);
    const processes = [coordinator];
    try {
      const { token } = JSON.parse(await coordinator.line(/"type":"listening"/)) as {
        readonly token: string;
      };
      const agents = new Map<string, Running>();
      for (const device of devices) {
        const words = ["agent", "--join", address, "--name", device, "--token", token];
        const command = [process.execPath, cli, ...words] as unknown as Command;
        const agent = testbed.exec(device, command, environmentIn(join(state, device)));
        agents.set(device, agent);
        processes.push(agent);
      }
      await coordinator.line(/"type":"serving"/);
      return new Cluster(processes, agents, (asking) =>
        testbed.execBeside(desk, askingCommand(network, address, token, asking)),
      );
    } catch (error) {
      await end(processes);
      throw error;
    }
  }

  /** All devices on this machine, as slow as the topology says, and so the links. Has no agents. */
  static async imitate(
    testbed: Testbed,
    { folder, topologyFile, desk, network, plan }: ClusterOptions,
  ): Promise<Cluster> {
    const state = mkdtempSync(join(folder, "state-"));
    const command = [
      ...[process.execPath, cli, "up", topologyFile, `zoo:${network}`, "--json", ...plan],
    ] as unknown as Command;
    const running = testbed.execBeside(desk, command, environmentIn(state));
    try {
      const line = await running.line(/"address":/);
      const { address, token } = JSON.parse(line) as Record<"address" | "token", string>;
      return new Cluster([running], new Map(), (asking) =>
        testbed.execBeside(desk, askingCommand(network, address, token, asking)),
      );
    } catch (error) {
      await end([running]);
      throw error;
    }
  }

  ask(asking: Asking): Running {
    const running = this.#startAsking(asking);
    this.#processes.push(running);
    return running;
  }

  async stop(): Promise<void> {
    await end(this.#processes);
  }
}

function askingCommand(
  network: string,
  address: string,
  token: string,
  { requests, warmUps, settleSeconds, pace }: Asking,
): Command {
  const [how, number] = "inFlight" in pace ? ["closed", pace.inFlight] : ["steady", pace.perSecond];
  const words = [how, network, address, token, requests, warmUps, settleSeconds, number];
  return [process.execPath, script, ...words.map(String)] as unknown as Command;
}

function startCoordinator(
  testbed: Testbed,
  { topologyFile, network, desk, heartbeat, plan }: ClusterOptions,
  address: string,
  state: string,
): Running {
  const command = [
    ...[process.execPath, cli, "coordinator", topologyFile, `zoo:${network}`],
    ...["--listen", address, "--json"],
    ...["--heartbeat", heartbeat.every, "--missed", String(heartbeat.missed), ...plan],
  ] as unknown as Command;
  return testbed.execBeside(desk, command, environmentIn(state));
}

function environmentIn(folder: string): Record<string, string> {
  return { XDG_STATE_HOME: join(folder, "state"), XDG_CACHE_HOME: join(folder, "cache") };
}

async function end(processes: readonly Running[]): Promise<void> {
  for (const one of processes.toReversed()) one.kill("SIGKILL");
  await Promise.all(processes.map(({ ended }) => ended));
}
