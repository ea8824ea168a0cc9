import type { Fleet, Heard } from "./fleet.js";
import type { Load } from "./load.js";
import type { Served } from "./messages.js";

/** A fault and its end. */
export interface Fault {
  /** What is done to whom, in words. */
  readonly name: string;
  /** From the fault until somebody can know of it. */
  readonly detectableAfterSeconds: number;
  begin(): Promise<void>;
  /** Resolves when something goes on without what is lost; left out: at once. */
  readonly coped?: (since: number) => Promise<unknown>;
  /** Resolves when everything is as before. */
  end(): Promise<void>;
}

export interface Observed {
  readonly name: string;
  readonly detectableAfterSeconds: number;
  /** The longest time without an answer that began before the cluster had coped. */
  readonly gapSeconds: number;
  /** How much of it was left when somebody could know of the fault. */
  readonly pauseSeconds: number;
  /** What served at last during the fault. */
  readonly served: Served | null;
  /** From when the fault could be known until answers came at 90 % of the plan's prediction. */
  readonly recoverySeconds: number | null;
}

/** Answers that make a rate. */
const rateAnswers = 25;
const share = 0.9;
/** Every wait in here is for something that takes less by far. */
const limitSeconds = 30;

/** Has a fault happen under load, waits until answers come again, ends it, and waits again. */
export async function tryFault(fleet: Fleet, load: Load, fault: Fault): Promise<Observed> {
  const { name, detectableAfterSeconds } = fault;
  await within(load.more(10), `answers before ${name}`);
  const since = now();
  await fault.begin();
  await within(fault.coped?.(since) ?? Promise.resolve(), `a way around ${name}`);
  const coped = now();
  await within(load.more(3 * rateAnswers), `answers during ${name}`);
  const until = now();
  await within(fault.end(), `the end of ${name}`);
  await within(load.more(10), `answers after ${name}`);
  const gap = longestGap(load.answeredAt, since, coped);
  const detectable = since + detectableAfterSeconds;
  const served = servedUntil(fleet, until);
  return {
    name,
    detectableAfterSeconds,
    gapSeconds: gap.to - gap.from,
    pauseSeconds: Math.max(0, gap.to - Math.max(gap.from, detectable)),
    served,
    recoverySeconds:
      served === null ? null : recovery(load.answeredAt, detectable, until, served.periodSeconds),
  };
}

export function killed(fleet: Fleet, device: Parameters<Fleet["startDevice"]>[0]): Fault {
  return {
    name: `kill -9 ${device}`,
    detectableAfterSeconds: 0,
    begin: () => fleet.kill(device),
    coped: (since) => fleet.heard(servesWithout(fleet, device), since),
    end: async () => {
      const joined = fleet.heard(clusterSays("joined", device));
      fleet.startDevice(device);
      await joined;
    },
  };
}

export function stopped(fleet: Fleet, device: string): Fault {
  return {
    name: `SIGSTOP ${device}`,
    detectableAfterSeconds: fleet.silenceSeconds,
    begin: async () => fleet.signal(device, "SIGSTOP"),
    coped: (since) => fleet.heard(servesWithout(fleet, device), since),
    end: async () => {
      const joined = fleet.heard(clusterSays("joined", device));
      fleet.signal(device, "SIGCONT");
      await joined;
    },
  };
}

/** @param around whether the coordinator may pass on what goes between the two */
export function cut(fleet: Fleet, one: string, other: string, around: boolean): Fault {
  const isPair = ({ said }: Heard, type: "linkDown" | "linkUp"): boolean =>
    said.type === "cluster" &&
    said.event.type === type &&
    [said.event.from, said.event.to].toSorted().join() === [one, other].toSorted().join();
  return {
    name: `cut ${one} - ${other}${around ? ", a way around" : ""}`,
    detectableAfterSeconds: fleet.silenceSeconds,
    begin: async () => fleet.cut(one, other, around),
    ...(around
      ? {}
      : {
          coped: async (since) => {
            const { at } = await fleet.heard((heard) => isPair(heard, "linkDown"), since);
            await fleet.heard(({ said }) => said.type === "serves", at);
          },
        }),
    end: async () => {
      const up = around ? null : fleet.heard((heard) => isPair(heard, "linkUp"));
      fleet.mend();
      await up;
    },
  };
}

/** Nothing but the source depends on it while nothing else fails. */
export function coordinatorKilled(fleet: Fleet): Fault {
  return {
    name: "kill -9 coordinator",
    detectableAfterSeconds: 0,
    begin: () => fleet.kill("coordinator"),
    end: async () => {
      const joined = fleet.heard(clusterSays("joined", "camera"));
      await fleet.startCoordinator();
      await joined;
    },
  };
}

export function clusterSays(type: string, device?: string) {
  return ({ said }: Heard): boolean =>
    said.type === "cluster" &&
    said.event.type === type &&
    (device === undefined || ("device" in said.event && said.event.device === device));
}

export function servesWithout(fleet: Fleet, device: string) {
  return ({ said }: Heard): boolean =>
    said.type === "serves" && !(fleet.served.get(said.generation)?.devices ?? []).includes(device);
}

/** @throws if something takes longer than it ever should */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const message = `${what}: there were none after ${limitSeconds} s`;
    timer = setTimeout(() => reject(new Error(message)), limitSeconds * 1000);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export function now(): number {
  return performance.now() / 1000;
}

/** Between two answers, of which the first came in some span of time. */
export function longestGap(
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

function servedUntil({ history, served }: Fleet, until: number): Served | null {
  const last = history.findLast(({ at, said }) => said.type === "serves" && at <= until);
  if (last?.said.type !== "serves") return null;
  return served.get(last.said.generation) ?? null;
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
