import { expect, test } from "vitest";
import { firstTiledSeed } from "../../src/sim/cluster/settings.ts";
import { simulateSeed } from "../fixtures/schedules.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const seeds = isLong ? 1000 : 10;

test(
  "every request ends once and as it must where devices run tiles, whatever befalls the cluster",
  async () => {
    const failing = [];
    let answered = 0;
    let replays = 0;
    for (let seed = firstTiledSeed; seed < firstTiledSeed + seeds; seed++) {
      const outcome = await simulateSeed(seed);
      answered += outcome.answered;
      replays += outcome.replays;
      if (outcome.violations.length > 0) {
        failing.push({ schedule: JSON.stringify(outcome.schedule), is: outcome.violations });
      }
    }
    expect(failing).toEqual([]);
    expect(answered).toBeGreaterThan(10 * seeds);
    expect(replays).toBeGreaterThan(seeds);
  },
  isLong ? 1_800_000 : 300_000,
);
