import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Fault } from "../../src/sim/cluster/schedule.ts";
import { firstSeveralSeed } from "../../src/sim/cluster/settings.ts";
import { type ModelOutcome, scheduleOf, simulateCluster } from "../../src/sim/cluster.ts";
import { simulateSeed } from "../fixtures/schedules.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const seeds = isLong ? 1000 : 6;

test(
  "every request ends once and as it must where models share devices, whatever befalls them, and nothing is left of one that is unloaded",
  async () => {
    const failing = [];
    let [answered, replays] = [0, 0];
    const faults = new Set<string>();
    for (let seed = firstSeveralSeed; seed < firstSeveralSeed + seeds; seed++) {
      const outcome = await simulateSeed(seed);
      answered += outcome.answered;
      replays += outcome.replays;
      for (const { type } of outcome.schedule.faults) faults.add(type);
      if (outcome.violations.length > 0) {
        failing.push({ schedule: JSON.stringify(outcome.schedule), is: outcome.violations });
      }
    }
    expect(failing).toEqual([]);
    expect(answered).toBeGreaterThan(10 * seeds);
    expect(replays).toBeGreaterThan(seeds);
    expect([...faults]).toEqual(expect.arrayContaining(["crash", "cut", "sever", "unload"]));
  },
  isLong ? 1_800_000 : 300_000,
);

test("what befalls one model only, the other does not notice", async () => {
  const faults: readonly Fault[] = [
    { type: "sever", atSeconds: 0.5, seconds: 0, host: "d0", model: 1 },
    { type: "adopt", atSeconds: 1, seconds: 0, seed: 7, model: 1, replay: true },
    { type: "sever", atSeconds: 1.1, seconds: 0, host: "d1", model: 1 },
    { type: "unload", atSeconds: 1.5, seconds: 1, model: 1 },
  ];
  const live = (befalling: readonly Fault[]) =>
    simulateCluster(
      { ...scheduleOf(firstSeveralSeed), faults: befalling },
      { settle: () => settle() },
    );
  const [quiet, outcome] = [await live([]), await live(faults)];
  expect(outcome).toMatchObject({ violations: [], lost: 0, doubled: 0, wrong: 0 });
  const [untouched, struck] = outcome.models;
  const { asked, generations } = quiet.models[0] as ModelOutcome;
  expect(untouched).toMatchObject({ model: "m0", replays: 0, asked, generations });
  const codes = Object.keys(untouched?.failed ?? {});
  expect(codes.filter((code) => !/DEADLINE|cancelled/.test(code))).toEqual([]);
  expect(struck?.generations).toBeGreaterThan(quiet.models[1]?.generations ?? 0);
});
