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
import type { ModelKey } from "../cluster/shared-listener.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Frame } from "../transport/transport.ts";
import { Answers } from "./cluster/answers.ts";
import { createDigestRuntime } from "./cluster/digest-runtime.ts";
import { nameFault } from "./cluster/fault-name.ts";
import { applyFault } from "./cluster/faults.ts";
import { History } from "./cluster/history.ts";
import { Hosts } from "./cluster/hosts.ts";
import { doWithLess } from "./cluster/less.ts";
import { type Asked, Load } from "./cluster/load.ts";
import { findRestlessness, findStrays, findUnrest } from "./cluster/rest.ts";
import { randomSchedule, type Schedule, visitor } from "./cluster/schedule.ts";
import type { Setting, Settings } from "./cluster/setting.ts";
import { settingsOf } from "./cluster/settings.ts";
import { placesOf } from "./cluster/several-setting.ts";
import { Tenant } from "./cluster/tenant.ts";
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
  /** Of each model, by its name. */
  readonly models: readonly ModelOutcome[];
}

/** What became of one of the models. */
export interface ModelOutcome
  extends Pick<
    ClusterSimulation,
    | "asked"
    | "answered"
    | "failed"
    | "lost"
    | "wrong"
    | "replays"
    | "joined"
    | "parted"
    | "generations"
    | "adoptions"
    | "longestSeconds"
  > {
  /** `null`: there is one, by itself. */
  readonly model: ModelKey;
}

const link = { latencySeconds: 0.002, bandwidthBitsPerSecond: 1e8 };
const liveness = { heartbeatSeconds: 0.2, missedHeartbeats: 4 };
/** Of all models. */
const requestsPerSecond = 5;
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
  const settings = settingsOf(seed);
  const [{ names, spare }] = settings;
  return randomSchedule(seed, names, spare, settings.length);
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

/** A model and the programs that ask it. */
interface Asking {
  readonly tenant: Tenant;
  readonly load: Load;
}

/** A cluster, who asks it, and who watches. */
class World {
  readonly #schedule: Schedule;
  readonly #settings: Settings;
  readonly #clock: VirtualClock;
  readonly #network: Network;
  readonly #hosts: Hosts;
  readonly #models: readonly Asking[];
  readonly #answers: Answers;
  readonly #violations: string[] = [];
  readonly #log: (host: string, what: unknown) => void;
  #frames = 0;

  constructor(schedule: Schedule, { settle, onLog, onFrame }: ClusterSimulationOptions) {
    const clock = createVirtualClock({ settle });
    this.#schedule = schedule;
    this.#settings = settingsOf(schedule.seed);
    this.#clock = clock;
    this.#log = (host, what) => onLog?.(clock.now(), host, what);
    this.#answers = new Answers((violation) => this.#complain(violation));
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
    this.#models = this.#populate();
    this.#hosts = new Hosts({
      ...liveness,
      network: this.#network,
      settings: this.#settings,
      tenants: this.#models.map(({ tenant }) => tenant),
      log: this.#log,
      complain: (violation) => this.#complain(violation),
      visit: (machine, life) => {
        for (const { load } of this.#models) load.visit(machine, life);
      },
      onVisitorGone: () => {
        for (const { load } of this.#models) load.abandon();
      },
    });
  }

  async live(): Promise<void> {
    const { faults, disorder } = this.#schedule;
    this.#network.disorder = disorder;
    await this.#bringUp();
    for (const { load } of this.#models) load.start();
    this.#hosts.start(visitor);
    const start = this.#clock.now();
    const stage = {
      hosts: this.#hosts,
      network: this.#network,
      clock: this.#clock,
      link,
      settings: this.#settings,
      log: this.#log,
    };
    let lasting = faults.length;
    for (const fault of faults) void applyFault(fault, stage).then(() => lasting--);
    const ends = faults.map((fault) => fault.atSeconds + fault.seconds);
    await this.#clock.advance(seconds(Math.max(loadSeconds, ...ends)));
    await this.#waitFor(patienceSeconds, () => {
      const isOpen = this.#models.some(({ load }) => load.open.length > 0);
      return lasting === 0 && !isOpen && this.#isAtRest();
    });
    this.#judge(start);
    await this.#waitFor(idleSeconds, () => findStrays(this.#hosts).length === 0);
    for (const violation of findStrays(this.#hosts)) this.#complain(violation);
    await this.#doWithLess();
    await this.#end();
  }

  outcome(): ClusterSimulation {
    const models = this.#models.map(outcomeOf);
    const sum = (of: (outcome: ModelOutcome) => number) =>
      models.reduce((total, one) => total + of(one), 0);
    const { faults } = this.#schedule;
    const codes = models.flatMap(({ failed }) => Object.keys(failed));
    return {
      schedule: this.#schedule,
      faults: faults.map((fault) => nameFault(fault, this.#settings[0].topology)),
      violations: this.#violations,
      asked: sum(({ asked }) => asked),
      answered: sum(({ answered }) => answered),
      failed: Object.fromEntries(
        codes.toSorted().map((code) => [code, sum(({ failed }) => failed[code] ?? 0)]),
      ),
      lost: sum(({ lost }) => lost),
      doubled: this.#answers.doubled,
      wrong: sum(({ wrong }) => wrong),
      replays: sum(({ replays }) => replays),
      joined: sum(({ joined }) => joined),
      parted: sum(({ parted }) => parted),
      generations: sum(({ generations }) => generations),
      adoptions: sum(({ adoptions }) => adoptions),
      frames: this.#frames,
      virtualSeconds: this.#clock.now(),
      longestSeconds: Math.max(...models.map(({ longestSeconds }) => longestSeconds)),
      models,
    };
  }

  #populate(): readonly Asking[] {
    const { seed } = this.#schedule;
    const places = placesOf(this.#settings);
    if (places === null) throw new Error(`no plan is allowed for the models of seed ${seed}`);
    const machine = this.#network.boot("client");
    return this.#settings.map((setting, at) => {
      const { key, input } = setting;
      const complain = (violation: string) =>
        this.#complain(key === null ? violation : `${key}: ${violation}`);
      const shared = { log: this.#log, complain };
      const history = new History(complain);
      const place = places[at] as Plan;
      const load = new Load({
        ...shared,
        machine,
        clock: this.#clock,
        seed: seed + 1 + at * 2 ** 24,
        input,
        model: key,
        requestsPerSecond: requestsPerSecond / this.#settings.length,
        seconds: loadSeconds,
        expected: wholeModel(setting, this.#clock),
      });
      return { load, tenant: new Tenant({ ...liveness, ...shared, setting, history, place }) };
    });
  }

  async #bringUp(): Promise<void> {
    this.#hosts.start("coordinator");
    const [{ names, isHidden }] = this.#settings;
    for (const name of names) {
      if (isHidden(name)) this.#network.hide(name, "swallowed");
      this.#hosts.start(name);
    }
    await this.#waitFor(patienceSeconds, () =>
      this.#models.every(({ tenant }) => tenant.coordinator?.status().phase === "serving"),
    );
  }

  /** Whether everybody is a member, requests are served, and nothing is left of those that were. */
  #isAtRest(): boolean {
    return findUnrest(this.#hosts).length === 0;
  }

  #judge(start: number): void {
    for (const [model, { load, tenant }] of this.#models.entries()) {
      const circumstances = { schedule: this.#schedule, setting: tenant.setting, model, start };
      for (const violation of findUnjustified(load.asked, circumstances)) {
        this.#complain(tenant.key === null ? violation : `${tenant.key}: ${violation}`);
      }
    }
    for (const violation of findUnrest(this.#hosts)) this.#complain(violation);
  }

  /** Where there are several models. */
  async #doWithLess(): Promise<void> {
    if (this.#models.length === 1) return;
    const { seed } = this.#schedule;
    const { load, tenant } = this.#models[seed % this.#models.length] as Asking;
    await load.close();
    await doWithLess({
      seed,
      hosts: this.#hosts,
      leaving: tenant,
      waitFor: (isThere) => this.#waitFor(patienceSeconds, isThere),
      complain: (violation) => this.#complain(violation),
    });
  }

  async #end(): Promise<void> {
    let isClosed = false;
    const closing = async () => {
      for (const { load } of this.#models) await load.close();
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

function outcomeOf({ tenant, load }: Asking): ModelOutcome {
  const { asked, wrong } = load;
  const { replays, joined, parted, generations, adoptions } = tenant.history;
  const ended = asked.flatMap(({ end }) => (end === null ? [] : [end.outcome]));
  const failures = ended.filter((outcome) => outcome !== "answered");
  const codes = [...new Set(failures)].toSorted();
  return {
    ...{ model: tenant.key, replays, joined, parted, generations, adoptions },
    asked: asked.length,
    answered: ended.length - failures.length,
    failed: Object.fromEntries(
      codes.map((code) => [code, failures.filter((one) => one === code).length]),
    ),
    lost: asked.length - ended.length,
    wrong,
    longestSeconds: Math.max(0, ...asked.map(durationOf)),
  };
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
