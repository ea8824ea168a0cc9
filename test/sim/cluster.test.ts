import { createHash } from "node:crypto";
import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { scheduleOf, simulateCluster } from "../../src/sim/cluster.ts";
import { simulateSeed, testSchedules } from "../fixtures/schedules.ts";

testSchedules([0, 1, 2, 3, 4]);

test.each([891, 2228, 2555, 2597, 2719, 2722, 3796, 4436])(
  "nor by schedule %i, which once found something",
  async (seed) => {
    expect((await simulateSeed(seed)).violations).toEqual([]);
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
    "refuse",
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
