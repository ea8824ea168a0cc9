import { expect, test } from "vitest";
import { firstJoinedSeed } from "../../src/sim/cluster/settings.ts";
import { simulateSeed } from "../fixtures/schedules.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const seeds = isLong ? 2000 : 12;

test(
  "every request ends once and with its own answer where requests are joined, whatever befalls the cluster",
  async () => {
    const failing = [];
    let [answered, joined, parted, replays] = [0, 0, 0, 0];
    for (let seed = firstJoinedSeed; seed < firstJoinedSeed + seeds; seed++) {
      const outcome = await simulateSeed(seed);
      answered += outcome.answered;
      joined += outcome.joined;
      parted += outcome.parted;
      replays += outcome.replays;
      if (outcome.violations.length > 0) {
        failing.push({ schedule: JSON.stringify(outcome.schedule), is: outcome.violations });
      }
    }
    expect(failing).toEqual([]);
    expect(answered).toBeGreaterThan(10 * seeds);
    expect(joined).toBeGreaterThan(5 * seeds);
    expect(replays).toBeGreaterThan(seeds);
    expect(parted).toBeGreaterThan(seeds / 10);
  },
  isLong ? 1_800_000 : 300_000,
);
