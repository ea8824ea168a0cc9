import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import type { Fleet, Heard } from "./fleet.js";
import type { Load } from "./load.js";
import type { Served } from "./messages.js";
import type { DeviceName } from "./setting.js";
import { within } from "./within.js";

/** A fault and its end. */
export interface Fault {
  /** What is done to whom, in words. */
  readonly name: string;
  /** From the fault until somebody can know of it. */
  readonly detectableAfterSeconds: number;
  begin(): Promise<void>;
  /** Resolves when something goes on without what is lost; left out: at once. */
  readonly coped?: (since: number) => Promise<unknown>;
  /** What serves during the fault, where no coordinator can say so. */
  readonly served?: Served;
  /** Resolves when all that it takes for everything to be as before has been done. */
  end(): Promise<void>;
}

export interface Observed {
  readonly name: string;
  readonly detectableAfterSeconds: number;
  /** The longest time without an answer while the fault lasted. */
  readonly gapSeconds: number;
  /** How much of it was left when somebody could know of the fault. */
  readonly pauseSeconds: number;
  /** What served at last during the fault. */
  readonly served: Served | null;
  /** From when the fault could be known until answers came at 90 % of the plan's prediction. */
  readonly recoverySeconds: number | null;
}

/** How long a fault lasts. */
export interface Lasting {
  /** So many answers at least. */
  readonly answers: number;
  /** Longer, until the new plan's rate is reached, but not beyond this since it could be known. */
  readonly patienceSeconds: number;
}

/** Answers that make a rate. */
const rateAnswers = 25;
const share = 0.9;
/** So long the source waits for a coordinator before it goes on alone: the default of agents. */
const orphanSeconds = 1;

/**
 * Has a fault happen to a cluster at rest under load, waits until answers come again, ends the fault,
 * and waits for more.
 */
export async function tryFault(
  fleet: Fleet,
  load: Load,
  fault: Fault,
  { answers, patienceSeconds }: Lasting,
): Promise<Observed> {
  const { name, detectableAfterSeconds } = fault;
  const wait = (promise: Promise<unknown>, what: string): Promise<unknown> =>
    within(promise, `${what} ${name}`, () => fleet.story);
  await wait(load.more(10), "answers before");
  await wait(fleet.rest(), "rest before");
  const since = now();
  await fault.begin();
  await wait(fault.coped?.(since) ?? Promise.resolve(), "a way around");
  await wait(load.more(answers), "answers during");
  const detectable = since + detectableAfterSeconds;
  const recoveryUntil = (until: number): number | null => {
    const served = fault.served ?? servedUntil(fleet, until);
    return served === null
      ? null
      : recovery(load.answeredAt, detectable, until, served.periodSeconds);
  };
  while (recoveryUntil(now()) === null && now() < detectable + patienceSeconds) {
    await wait(load.more(1), "answers during");
  }
  const until = now();
  await wait(fault.end(), "the end of");
  await wait(load.more(10), "answers after");
  const gap = longestGap(load.answeredAt, since, until);
  return {
    name,
    detectableAfterSeconds,
    gapSeconds: gap.to - gap.from,
    pauseSeconds: Math.max(0, gap.to - Math.max(gap.from, detectable)),
    served: fault.served ?? servedUntil(fleet, until),
    recoverySeconds: recoveryUntil(until),
  };
}

export function killed(fleet: Fleet, device: DeviceName): Fault {
  return {
    name: `kill -9 ${device}`,
    detectableAfterSeconds: 0,
    begin: () => fleet.kill(device),
    coped: () => servesWithout(fleet, device),
    end: async () => fleet.startDevice(device),
  };
}

export function stopped(fleet: Fleet, device: DeviceName): Fault {
  return {
    name: `SIGSTOP ${device}`,
    detectableAfterSeconds: fleet.silenceSeconds,
    begin: async () => fleet.signal(device, "SIGSTOP"),
    coped: () => servesWithout(fleet, device),
    end: async () => fleet.signal(device, "SIGCONT"),
  };
}

/**
 * The link from whoever sends to a device to that device.
 *
 * @param around whether the coordinator may pass on what goes between the two
 */
export function cut(fleet: Fleet, device: DeviceName, around = false): Fault {
  let producer = "";
  const isMissed = ({ said }: Heard): boolean => {
    if (said.type !== "cluster") return false;
    const { event } = said;
    // On a busy machine the whole device may seem to be lost.
    if (event.type === "left") return [producer, device].includes(event.device);
    if (event.type !== "linkDown") return false;
    return [event.from, event.to].toSorted().join() === [producer, device].toSorted().join();
  };
  return {
    name: `the link to ${device} cut${around ? ", a way around" : ""}`,
    detectableAfterSeconds: fleet.silenceSeconds,
    begin: async () => {
      producer = fleet.producerOf(device);
      fleet.cut(producer, device, around);
    },
    ...(around
      ? {}
      : {
          coped: async (since) => {
            const { at } = await fleet.heard(isMissed, since);
            await fleet.heard(({ said }) => said.type === "serves", at);
          },
        }),
    end: async () => fleet.mend(),
  };
}

/** Nothing depends on it while nothing else fails. */
export function coordinatorKilled(fleet: Fleet): Fault {
  return {
    name: "kill -9 coordinator",
    detectableAfterSeconds: 0,
    begin: () => fleet.kill("coordinator"),
    end: async () => {
      const serves = fleet.heard(({ said }) => said.type === "serves");
      await fleet.startCoordinator();
      await serves;
    },
  };
}

/**
 * The coordinator and devices that the plan needs: the source goes on alone.
 *
 * @param periodSeconds between its answers then
 */
export function abandoned(
  fleet: Fleet,
  devices: readonly DeviceName[],
  periodSeconds: number,
): Fault {
  return {
    served: { devices: ["camera"], hops: [], periodSeconds },
    name: `kill -9 coordinator, ${devices.join(", ")}`,
    detectableAfterSeconds: orphanSeconds,
    begin: async () => {
      await Promise.all(["coordinator", ...devices].map((name) => fleet.kill(name)));
    },
    coped: (since) =>
      fleet.heard(
        ({ said }) =>
          said.type === "agent" &&
          said.event.type === "serving" &&
          /"alone":true/.test(said.event.text),
        since,
      ),
    end: async () => {
      const serves = fleet.heard(({ said }) => said.type === "serves");
      await fleet.startCoordinator();
      await serves;
      for (const device of devices) fleet.startDevice(device);
    },
  };
}

/** Where requests live, or where answers are wanted: nothing goes on without it. */
export function endpointKilled(fleet: Fleet, device: DeviceName): Fault {
  return {
    name: `kill -9 ${device}, which nothing replaces`,
    detectableAfterSeconds: 0,
    begin: () => fleet.kill(device),
    coped: async (since) => {
      const { at } = await fleet.heard(leaves(device), since);
      fleet.startDevice(device);
      await fleet.heard(({ said }) => said.type === "serves", at);
    },
    end: async () => undefined,
  };
}

/** The same, and it comes back as it was: what it held is still there. */
export function endpointStopped(fleet: Fleet, device: DeviceName, stillSeconds: number): Fault {
  return {
    name: `SIGSTOP ${device}, which nothing replaces`,
    detectableAfterSeconds: fleet.silenceSeconds,
    begin: async () => fleet.signal(device, "SIGSTOP"),
    coped: async (since) => {
      await fleet.heard(leaves(device), since);
      await systemClock.sleep(seconds(stillSeconds));
      fleet.signal(device, "SIGCONT");
    },
    end: async () => undefined,
  };
}

function leaves(device: DeviceName) {
  return ({ said }: Heard): boolean =>
    said.type === "cluster" && said.event.type === "left" && said.event.device === device;
}

function servesWithout(fleet: Fleet, device: DeviceName): Promise<void> {
  return fleet.serves(({ devices }) => !devices.includes(device));
}

function now(): number {
  return performance.now() / 1000;
}

/** Between two answers, of which the first came in some span of time. */
function longestGap(
  answeredAt: readonly number[],
  since: number,
  until: number,
): { readonly from: number; readonly to: number } {
  let longest = { from: since, to: since };
  for (const [place, to] of answeredAt.entries()) {
    const from = answeredAt[place - 1] ?? to;
    if (to < since || from > until) continue;
    if (to - from > longest.to - longest.from) longest = { from, to };
  }
  return longest;
}

function servedUntil({ history }: Fleet, until: number): Served | null {
  const last = history.findLast(({ at, said }) => said.type === "serves" && at <= until);
  return last?.said.type === "serves" ? last.said.served : null;
}

/** `null`: never. */
function recovery(
  answeredAt: readonly number[],
  detectable: number,
  until: number,
  periodSeconds: number,
): number | null {
  const longest = (rateAnswers * periodSeconds) / share;
  for (const [place, from] of answeredAt.entries()) {
    const to = answeredAt[place + rateAnswers];
    if (to === undefined || from > until) return null;
    if (from >= detectable && to - from <= longest) return from - detectable;
  }
  return null;
}
