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
import { createDigestRuntime } from "./cluster/digest-runtime.ts";
import { applyFault } from "./cluster/faults.ts";
import { Hosts } from "./cluster/hosts.ts";
import { Load } from "./cluster/load.ts";
import { randomSchedule, type Schedule } from "./cluster/schedule.ts";
import { type Setting, settingOf } from "./cluster/setting.ts";
import { findRestlessness, findUnjustified, findUnrest } from "./cluster/verdict.ts";
import { Network } from "./network.ts";

export interface ClusterSimulationOptions {
  /** Resolves when everything that was woken has gone as far as it can: a macrotask of the host. */
  readonly settle: () => Promise<void>;
  /** Told what happens, with the time in seconds. Default: nobody. */
  readonly onLog?: (atSeconds: number, host: string, what: unknown) => void;
}

export interface ClusterSimulation {
  readonly schedule: Schedule;
  /** What must not be; empty if all is well. */
  readonly violations: readonly string[];
  readonly answered: number;
  /** By code. */
  readonly failed: Readonly<Record<string, number>>;
  readonly virtualSeconds: number;
  /** The longest that an answered request without a deadline took. */
  readonly longestSeconds: number;
}

const link = { latencySeconds: 0.002, bandwidthBitsPerSecond: 1e8 };
const heartbeatSeconds = 0.2;
const missedHeartbeats = 4;
/** How long the programs ask. */
const loadSeconds = 4.5;
/** After the last fault is over and the last request is asked, everything has ended by then. */
const patienceSeconds = 14;
/** After that, programs that are told to end have ended by then. */
const closingSeconds = 15;

/** The schedule of a seed, for a cluster of the seed's setting. */
export function scheduleOf(seed: number): Schedule {
  const names = settingOf(seed).topology.devices.map(({ name }) => name);
  return randomSchedule(seed, names);
}

/** Lets a cluster live through a schedule, and looks whether it kept what it promises. */
export async function simulateCluster(
  schedule: Schedule,
  { settle, onLog }: ClusterSimulationOptions,
): Promise<ClusterSimulation> {
  const setting = settingOf(schedule.seed);
  const clock = createVirtualClock({ settle });
  const random = createRandom(schedule.seed);
  const network = new Network({ clock, random, link });
  const violations: string[] = [];
  const complain = (violation: string) =>
    violations.push(`${clock.now().toFixed(3)} s: ${violation}`);
  const log = (host: string, what: unknown) => onLog?.(clock.now(), host, what);
  const plan = setting.plan(setting.topology);
  if ("infeasible" in plan) return nothing(schedule);
  const hosts = new Hosts({
    network,
    setting,
    plan,
    heartbeatSeconds,
    missedHeartbeats,
    log,
    complain,
  });
  const load = new Load({
    machine: network.boot("client"),
    clock,
    random: createRandom(schedule.seed + 1),
    requestsPerSecond: 8,
    seconds: loadSeconds,
    expected: await wholeModel(setting, clock),
    complain,
    log,
  });
  network.disorder = schedule.disorder;
  await bringUp(hosts, setting, network, clock);
  load.start();
  const start = clock.now();
  for (const fault of schedule.faults) {
    void applyFault(fault, { hosts, network, clock, link, setting, log });
  }
  const calm = Math.max(
    loadSeconds,
    ...schedule.faults.map(({ atSeconds, seconds: lasting }) => atSeconds + lasting),
  );
  await clock.advance(seconds(calm));
  await waitFor(clock, patienceSeconds, () => load.open.length === 0 && isWhole(hosts, setting));
  findUnjustified(load.asked, { schedule, setting, start }).forEach(complain);
  findUnrest(hosts, setting).forEach(complain);
  await end(clock, load, hosts, complain);
  const ended = load.asked.flatMap(({ end: ending }) => (ending === null ? [] : [ending.outcome]));
  const failures = ended.filter((outcome) => outcome !== "answered");
  return {
    schedule,
    violations,
    answered: ended.length - failures.length,
    failed: Object.fromEntries(
      [...new Set(failures)].map((code) => [code, failures.filter((one) => one === code).length]),
    ),
    virtualSeconds: clock.now(),
    longestSeconds: Math.max(
      0,
      ...load.asked.map((asked) =>
        asked.end?.outcome === "answered" ? asked.end.atSeconds - asked.askedSeconds : 0,
      ),
    ),
  };
}

/** A setting that nobody can plan proves nothing. */
function nothing(schedule: Schedule): ClusterSimulation {
  return {
    schedule,
    violations: [],
    answered: 0,
    failed: {},
    virtualSeconds: 0,
    longestSeconds: 0,
  };
}

async function wholeModel({ model, secondsOf: _, bytesOf }: Setting, clock: Clock) {
  const runtime = createDigestRuntime(clock, () => 0, "digest 1", bytesOf);
  const session = await runtime.load(model, { threads: 1 });
  return async (inputs: Parameters<typeof session.run>[0]) => {
    const copies = Object.entries(inputs).map(
      ([name, value]) => [name, { ...value, data: value.data.slice() }] as const,
    );
    return (await session.run(Object.fromEntries(copies))).outputs;
  };
}

async function bringUp(
  hosts: Hosts,
  setting: Setting,
  network: Network,
  clock: VirtualClock,
): Promise<void> {
  hosts.start("coordinator");
  for (const { name } of setting.topology.devices) {
    if (setting.isHidden(name)) network.hide(name, "swallowed");
    hosts.start(name);
  }
  await waitFor(clock, patienceSeconds, () => hosts.coordinator?.status().phase === "serving");
}

/** Whether everybody is a member, and requests are served. */
function isWhole(hosts: Hosts, setting: Setting): boolean {
  return findUnrest(hosts, setting).length === 0;
}

async function waitFor(
  clock: VirtualClock,
  limitSeconds: number,
  isThere: () => boolean,
): Promise<void> {
  const end = clock.now() + limitSeconds;
  while (!isThere() && clock.now() < end) await clock.advance(seconds(0.1));
}

async function end(
  clock: VirtualClock,
  load: Load,
  hosts: Hosts,
  complain: (violation: string) => void,
): Promise<void> {
  const closing = (async () => {
    await load.close();
    await hosts.close();
  })();
  let isClosed = false;
  void closing.then(() => {
    isClosed = true;
  });
  await waitFor(clock, closingSeconds, () => isClosed && findRestlessness(hosts).length === 0);
  if (!isClosed) complain("the programs do not end when they are told to");
  else findRestlessness(hosts).forEach(complain);
}
