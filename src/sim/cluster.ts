/**
 * The real coordinator, agents and clients on simulated hosts, under a schedule of faults: does every
 * request end once, and as it must? A seed says everything: the graph, the devices, the load, the
 * faults, and the order of all that happens.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../base/virtual-clock.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Frame } from "../transport/transport.ts";
import { Answers } from "./cluster/answers.ts";
import { createDigestRuntime } from "./cluster/digest-runtime.ts";
import { nameFault } from "./cluster/fault-name.ts";
import { applyFault } from "./cluster/faults.ts";
import { History } from "./cluster/history.ts";
import { Hosts } from "./cluster/hosts.ts";
import { type Asked, Load } from "./cluster/load.ts";
import { findRestlessness, findStrays, findUnrest } from "./cluster/rest.ts";
import { randomSchedule, type Schedule, visitor } from "./cluster/schedule.ts";
import type { Setting } from "./cluster/setting.ts";
import { settingOf } from "./cluster/settings.ts";
import { findUnjustified } from "./cluster/verdict.ts";
import { Network } from "./network.ts";

export interface ClusterSimulationOptions {
  /** Resolves when everything that was woken has gone as far as it can: a macrotask of the host. */
  readonly settle: () => Promise<void>;
  /** Told what happens, with the time in seconds. Default: nobody. */
  readonly onLog?: (atSeconds: number, host: string, what: unknown) => void;
  /** Told of each frame that is sent: all that programs do to each other. Default: nobody. */
  readonly onFrame?: (atSeconds: number, from: string, to: string, header: Frame["header"]) => void;
}

export interface ClusterSimulation {
  readonly schedule: Schedule;
  /** What the faults of the schedule are, in words. */
  readonly faults: readonly string[];
  /** What must not be; empty if all is well. */
  readonly violations: readonly string[];
  readonly asked: number;
  readonly answered: number;
  /** By code; `cancelled` and `abandoned` by the program that asked. */
  readonly failed: Readonly<Record<string, number>>;
  /** Requests that never ended, had two answers, or another one than the whole model's. */
  readonly lost: number;
  readonly doubled: number;
  readonly wrong: number;
  /** How often a request went into another generation after a loss. */
  readonly replays: number;
  /** How often one went into a generation together with others, and one of these on by itself. */
  readonly joined: number;
  readonly parted: number;
  readonly generations: number;
  /** Changes of plan while another served. */
  readonly adoptions: number;
  readonly frames: number;
  readonly virtualSeconds: number;
  /** The longest that an answered request without a deadline took. */
  readonly longestSeconds: number;
}

const link = { latencySeconds: 0.002, bandwidthBitsPerSecond: 1e8 };
const heartbeatSeconds = 0.2;
const missedHeartbeats = 4;
/** How long the programs ask. */
const loadSeconds = 4;
/** After the last fault is over and the last request is asked, everything has ended by then. */
const patienceSeconds = 14;
/** A channel that nobody needs any more, nor has measured for a while, has ended by then. */
const idleSeconds = 30;
/** After that, programs that are told to end have ended by then. */
const closingSeconds = 15;

/** The schedule of a seed, for a cluster of the seed's setting. */
export function scheduleOf(seed: number): Schedule {
  const { names, spare } = settingOf(seed);
  return randomSchedule(seed, names, spare);
}

/** Lets a cluster live through a schedule, and looks whether it kept what it promises. */
export async function simulateCluster(
  schedule: Schedule,
  options: ClusterSimulationOptions,
): Promise<ClusterSimulation> {
  const world = new World(schedule, options);
  await world.live();
  return world.outcome();
}

/** A cluster, who asks it, and who watches. */
class World {
  readonly #schedule: Schedule;
  readonly #setting: Setting;
  readonly #clock: VirtualClock;
  readonly #network: Network;
  readonly #hosts: Hosts;
  readonly #load: Load;
  readonly #history: History;
  readonly #answers: Answers;
  readonly #violations: string[] = [];
  readonly #log: (host: string, what: unknown) => void;
  #frames = 0;

  constructor(schedule: Schedule, { settle, onLog, onFrame }: ClusterSimulationOptions) {
    const setting = settingOf(schedule.seed);
    const clock = createVirtualClock({ settle });
    const complain = (violation: string) => this.#complain(violation);
    this.#schedule = schedule;
    this.#setting = setting;
    this.#clock = clock;
    this.#log = (host, what) => onLog?.(clock.now(), host, what);
    this.#history = new History(complain);
    this.#answers = new Answers(complain);
    this.#network = new Network({
      clock,
      random: createRandom(schedule.seed),
      link,
      onSend: (socket, header) => {
        this.#frames++;
        this.#answers.take(socket, header);
        onFrame?.(clock.now(), socket.machine.host, socket.peer, header);
      },
    });
    this.#hosts = this.#populate(complain);
    this.#load = new Load({
      machine: this.#network.boot("client"),
      clock,
      seed: schedule.seed + 1,
      input: setting.input,
      requestsPerSecond: 5,
      seconds: loadSeconds,
      expected: wholeModel(setting, clock),
      complain,
      log: this.#log,
    });
  }

  async live(): Promise<void> {
    const { faults, disorder } = this.#schedule;
    this.#network.disorder = disorder;
    await this.#bringUp();
    this.#load.start();
    this.#hosts.start(visitor);
    const start = this.#clock.now();
    const stage = {
      hosts: this.#hosts,
      network: this.#network,
      clock: this.#clock,
      link,
      setting: this.#setting,
      log: this.#log,
    };
    for (const fault of faults) void applyFault(fault, stage);
    const ends = faults.map(({ atSeconds, seconds: lasting }) => atSeconds + lasting);
    await this.#clock.advance(seconds(Math.max(loadSeconds, ...ends)));
    await this.#waitFor(patienceSeconds, () => {
      return this.#load.open.length === 0 && this.#unrest().length === 0;
    });
    const circumstances = { schedule: this.#schedule, setting: this.#setting, start };
    for (const violation of findUnjustified(this.#load.asked, circumstances)) {
      this.#complain(violation);
    }
    for (const violation of this.#unrest()) this.#complain(violation);
    await this.#waitFor(idleSeconds, () => this.#strays().length === 0);
    for (const violation of this.#strays()) this.#complain(violation);
    await this.#end();
  }

  outcome(): ClusterSimulation {
    const { asked, wrong } = this.#load;
    const ended = asked.flatMap(({ end }) => (end === null ? [] : [end.outcome]));
    const failures = ended.filter((outcome) => outcome !== "answered");
    const codes = [...new Set(failures)].toSorted();
    return {
      schedule: this.#schedule,
      faults: this.#schedule.faults.map((fault) => nameFault(fault, this.#setting.topology)),
      violations: this.#violations,
      asked: asked.length,
      answered: ended.length - failures.length,
      failed: Object.fromEntries(
        codes.map((code) => [code, failures.filter((one) => one === code).length]),
      ),
      lost: asked.length - ended.length,
      doubled: this.#answers.doubled,
      wrong,
      replays: this.#history.replays,
      joined: this.#history.joined,
      parted: this.#history.parted,
      generations: this.#history.generations,
      adoptions: this.#history.adoptions,
      frames: this.#frames,
      virtualSeconds: this.#clock.now(),
      longestSeconds: Math.max(0, ...asked.map(durationOf)),
    };
  }

  #populate(complain: (violation: string) => void): Hosts {
    const setting = this.#setting;
    const plan = setting.plan(setting.topology);
    if ("infeasible" in plan) throw new Error(`seed ${this.#schedule.seed}: ${plan.infeasible}`);
    return new Hosts({
      network: this.#network,
      setting,
      plan,
      heartbeatSeconds,
      missedHeartbeats,
      log: this.#log,
      complain,
      history: this.#history,
      visit: (machine, life) => this.#load.visit(machine, life),
      onVisitorGone: () => this.#load.abandon(),
    });
  }

  async #bringUp(): Promise<void> {
    this.#hosts.start("coordinator");
    for (const name of this.#setting.names) {
      if (this.#setting.isHidden(name)) this.#network.hide(name, "swallowed");
      this.#hosts.start(name);
    }
    await this.#waitFor(patienceSeconds, () => {
      return this.#hosts.coordinator?.status().phase === "serving";
    });
  }

  /** Whether everybody is a member, requests are served, and nothing is left of those that were. */
  #unrest(): readonly string[] {
    return findUnrest(this.#hosts, this.#setting, this.#history);
  }

  #strays(): readonly string[] {
    return findStrays(this.#hosts, this.#setting, this.#history);
  }

  async #end(): Promise<void> {
    let isClosed = false;
    const closing = async () => {
      await this.#load.close();
      await this.#hosts.close();
      isClosed = true;
    };
    void closing();
    await this.#waitFor(closingSeconds, () => {
      return isClosed && findRestlessness(this.#hosts).length === 0;
    });
    if (!isClosed) this.#complain("the programs do not end when they are told to");
    else for (const violation of findRestlessness(this.#hosts)) this.#complain(violation);
  }

  async #waitFor(limitSeconds: number, isThere: () => boolean): Promise<void> {
    const end = this.#clock.now() + limitSeconds;
    while (!isThere() && this.#clock.now() < end) await this.#clock.advance(seconds(0.1));
  }

  #complain(violation: string): void {
    this.#violations.push(`${this.#clock.now().toFixed(3)} s: ${violation}`);
  }
}

function durationOf({ askedSeconds, end }: Asked): number {
  return end?.outcome === "answered" ? end.atSeconds - askedSeconds : 0;
}

function wholeModel({ model, bytesOf }: Setting, clock: Clock) {
  const runtime = createDigestRuntime(clock, () => 0, "digest 1", bytesOf);
  const session = runtime.load(model, { threads: 1 });
  return async (inputs: TensorValues) => {
    const copies = Object.entries(inputs).map(
      ([name, value]) => [name, { ...value, data: value.data.slice() }] as const,
    );
    return (await (await session).run(Object.fromEntries(copies))).outputs;
  };
}
