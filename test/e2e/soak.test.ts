import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createRandom } from "../../src/base/random.ts";
import { type Seconds, seconds } from "../../src/base/units.ts";
import { arrivalTimes } from "../../src/sim/arrivals.ts";
import { type MemorySample, memoryGrowth } from "../fixtures/memory-trend.ts";
import { type SoakCluster, soakInputBytes, startSoak } from "../fixtures/soak-cluster.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";

/** The short run mostly waits: other tests run beside it. */
const { warmUpSeconds, measuredSeconds, replanSeconds, windowSeconds } = isLong
  ? { warmUpSeconds: 300, measuredSeconds: 1800, replanSeconds: 20, windowSeconds: 60 }
  : { warmUpSeconds: 18, measuredSeconds: 42, replanSeconds: 5, windowSeconds: 6 };
const shortRate = 6;
/** How often another model is loaded and unloaded: for less than a window, whose least counts. */
const visitSeconds = 20;
const load = 0.7;
/** Whoever comes while so many wait is asked for later, so that a machine that was busy catches up. */
const mostUnderWay = 64;
/** In the long run, of all memory in ten minutes. */
const shareOfMemory = 0.01;
/** In the short run, of what requests bring in: a tensor of each that stayed would be all of it. */
const shareOfInputs = 0.5;

test(`${warmUpSeconds + measuredSeconds} s of requests over HTTP and gRPC while plans change and another model comes and goes: each answer is right, and memory does not grow`, {
  timeout: 1000 * (warmUpSeconds + measuredSeconds) + 240_000,
}, async () => {
  const cluster = await startSoak();
  const rate = isLong ? load * (await leastCapacity(cluster)) : shortRate;
  const start = systemClock.now() + warmUpSeconds;
  const end = start + measuredSeconds;
  const samples: MemorySample[] = [];
  const [{ asked, failures, latestSeconds }, replans, visits] = await Promise.all([
    askAtRandom(cluster, rate, end),
    repeat(replanSeconds, end, () => cluster.replan()),
    repeat(visitSeconds, end, () => cluster.visit()),
    repeat(1, end, async () => {
      samples.push({ seconds: systemClock.now() - start, bytes: cluster.residentBytes() });
    }),
  ]);
  const measured = samples.filter((sample) => sample.seconds >= 0);
  const resident = Math.min(...measured.map(({ bytes }) => bytes));
  const growth = memoryGrowth(measured, windowSeconds);
  const limit = isLong ? (shareOfMemory * resident) / 600 : shareOfInputs * rate * soakInputBytes;
  if (isLong) {
    process.stdout.write(
      `${asked} requests (${rate.toFixed(1)} a second, ${100 * load} % of the capacity), at most ${latestSeconds.toFixed(1)} s late, ${failures.length} failed; ${replans} changes of plan; another model loaded ${visits} times; ${(resident / 2 ** 20).toFixed(0)} MiB resident, growing by ${((100 * 600 * growth) / resident).toFixed(2)} % in ten minutes\n`,
    );
  }
  expect(failures).toEqual([]);
  expect(asked).toBeGreaterThan(0.7 * rate * (warmUpSeconds + measuredSeconds));
  expect(replans).toBeGreaterThan((0.5 * measuredSeconds) / replanSeconds);
  expect(visits).toBeGreaterThan((0.5 * measuredSeconds) / visitSeconds);
  expect(growth).toBeLessThan(limit);
});

/** Requests a second of the slowest of the plans, with as many in flight as the cluster takes. */
async function leastCapacity(cluster: SoakCluster): Promise<number> {
  const rates: number[] = [];
  for (let plan = 0; plan < 3; plan++) {
    await cluster.replan();
    const start = systemClock.now();
    const end = start + 10;
    let answered = 0;
    const askOn = async (): Promise<void> => {
      for (; systemClock.now() < end; answered++) await cluster.ask(answered);
    };
    await Promise.all(Array.from({ length: cluster.window }, askOn));
    rates.push(answered / (systemClock.now() - start));
  }
  return Math.min(...rates);
}

interface Asked {
  readonly asked: number;
  readonly failures: readonly string[];
  /** How long after its time one was asked at most. */
  readonly latestSeconds: number;
}

/** Asks at seeded random times, without waiting for answers unless there are too many. */
async function askAtRandom(cluster: SoakCluster, perSecond: number, end: number): Promise<Asked> {
  const start = systemClock.now();
  const random = createRandom(11);
  const next = arrivalTimes({ type: "poisson", perSecond, random }, Number.POSITIVE_INFINITY);
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let asked = 0;
  let latestSeconds = 0;
  for (let at = start + next(); at < end; at = start + next()) {
    await systemClock.sleep(until(at));
    while (underWay.size >= mostUnderWay) await Promise.race(underWay);
    if (systemClock.now() >= end) break;
    latestSeconds = Math.max(latestSeconds, systemClock.now() - at);
    const answer = cluster.ask(asked++).catch((error: unknown) => {
      failures.push(String(error));
    });
    underWay.add(answer);
    void answer.then(() => underWay.delete(answer));
  }
  await Promise.all(underWay);
  return { asked, failures, latestSeconds };
}

/** @returns how often */
async function repeat(
  everySeconds: number,
  end: number,
  act: () => Promise<void>,
): Promise<number> {
  const start = systemClock.now();
  let times = 0;
  for (let at: number = start; at < end; at += everySeconds) {
    await systemClock.sleep(until(at));
    await act();
    times++;
  }
  return times;
}

function until(at: number): Seconds {
  return seconds(Math.max(0, at - systemClock.now()));
}
