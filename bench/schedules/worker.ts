/** Runs a share of the schedules, and tells what they came to. */
import { createHash } from "node:crypto";
import { setImmediate as settle } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { scheduleOf, simulateCluster } from "../../dist/sim/cluster.js";
import { addCounts, countsOf, noCounts } from "./counts.js";

/** One in so many is run twice. */
const repeatedEvery = 25;

/** Seeds from `first` to `last`, one in `step`. */
const { first, last, step } = workerData as { first: number; last: number; step: number };
let counts = noCounts;
for (let seed = first; seed <= last; seed += step) {
  const isRepeated = Math.floor(seed / step) % repeatedEvery === 0;
  const once = await run(seed, isRepeated);
  counts = addCounts(counts, countsOf(once.outcome));
  if (!isRepeated) continue;
  const isSame = (await run(seed, true)).digest === once.digest;
  counts = { ...counts, repeated: counts.repeated + 1 };
  if (!isSame) counts = { ...counts, irreproducible: [...counts.irreproducible, seed] };
}
parentPort?.postMessage(counts);

async function run(seed: number, isTraced: boolean) {
  const hash = createHash("sha256");
  const onFrame = (at: number, from: string, to: string, header: unknown): void => {
    hash.update(`${at} ${from} ${to} ${JSON.stringify(header)}\n`);
  };
  const outcome = await simulateCluster(scheduleOf(seed), {
    settle: () => settle(),
    ...(isTraced ? { onFrame } : {}),
  });
  return { outcome, digest: hash.digest("hex") };
}
