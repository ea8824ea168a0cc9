import { createHash } from "node:crypto";
import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { scheduleOf, simulateCluster } from "../../src/sim/cluster.ts";

const simulate = (seed: number) => simulateCluster(scheduleOf(seed), { settle: () => settle() });

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const seeds = isLong ? 5000 : 500;
const blocks = 10;

test.each(Array.from({ length: blocks }, (_, block) => block))(
  "every request ends once and as it must, and all comes to rest, whatever befalls the cluster: block %i of schedules",
  async (block) => {
    const failing = [];
    let answered = 0;
    for (let seed = block + 1; seed <= seeds; seed += blocks) {
      const outcome = await simulate(seed);
      answered += outcome.answered;
      // What is printed is all that `simulateCluster` needs to do the same again.
      if (outcome.violations.length > 0) {
        failing.push({ schedule: JSON.stringify(outcome.schedule), is: outcome.violations });
      }
    }
    expect(failing).toEqual([]);
    expect(answered).toBeGreaterThan((10 * seeds) / blocks);
  },
  isLong ? 1_800_000 : 300_000,
);

test.each([891, 2555, 2597, 2719, 2722, 3796])(
  "nor by schedule %i, which once found something",
  async (seed) => {
    expect((await simulate(seed)).violations).toEqual([]);
  },
);

test.each([3, 20, 339])(
  "a seed says everything: schedule %i again is the same to the last frame",
  async (seed) => {
    const run = async () => {
      const digest = createHash("sha256");
      const { frames } = await simulateCluster(scheduleOf(seed), {
        settle: () => settle(),
        onFrame: (...frame) => digest.update(JSON.stringify(frame)),
      });
      return { frames, digest: digest.digest("hex") };
    };
    const first = await run();
    expect(first.frames).toBeGreaterThan(500);
    expect(await run()).toEqual(first);
  },
);

test("every kind of fault is among the schedules", () => {
  const types = Array.from({ length: 60 }, (_, seed) =>
    scheduleOf(seed + 1).faults.map(({ type }) => type),
  );
  expect([...new Set(types.flat())].toSorted()).toEqual([
    "adopt",
    "crash",
    "cut",
    "hide",
    "pause",
    "slow",
  ]);
});

test("without faults every request without a deadline is answered, unless it is given up", async () => {
  const outcome = await simulateCluster(
    { ...scheduleOf(1), faults: [] },
    { settle: () => settle() },
  );
  expect(outcome).toMatchObject({ violations: [], lost: 0, doubled: 0, wrong: 0, replays: 0 });
  expect(Object.keys(outcome.failed).filter((code) => !/DEADLINE|cancelled/.test(code))).toEqual(
    [],
  );
  expect(outcome.answered).toBeGreaterThan(20);
});
