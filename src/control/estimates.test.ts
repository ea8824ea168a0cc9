import { expect, test } from "vitest";
import { changingLink } from "../../test/fixtures/changing-link.ts";
import { learn, noEstimates, stateOf } from "./estimates.ts";
import type { Observation } from "./observation.ts";

const { topology } = changingLink();

/** What is believed of the first link behind these observations, a quarter of a second apart. */
function believedAfter(observations: readonly Partial<Observation>[]): number | undefined {
  let estimates = noEstimates(topology);
  let now = 0;
  for (const one of observations) {
    now += 0.25;
    estimates = learn(topology, estimates, { devices: [], links: [], bounds: [], ...one }, now);
  }
  return stateOf(topology, estimates, now).bandwidthBitsPerSecond[0];
}

const fast = { links: [{ link: 0, bitsPerSecond: 60e6, count: 4 }] };

test("a transfer that comes in slowly says at once how slow its link is", () => {
  const bound = { link: 0, bitsPerSecond: 30e6 };
  expect(believedAfter([fast, fast, { bounds: [bound] }])).toBeCloseTo(15e6, -3);
  const seen = { ...bound, seenBitsPerSecond: 1e6 };
  expect(believedAfter([fast, fast, { bounds: [seen] }])).toBeCloseTo(1e6, -3);
  // It has collapsed: one fast figure does not bring it back.
  expect(believedAfter([fast, fast, { bounds: [seen] }, fast])).toBeLessThan(2e6);
  expect(believedAfter([fast, fast, { bounds: [seen] }, fast, fast])).toBeCloseTo(60e6, -3);
});

test("a transfer that may still be in time says nothing, however slowly it begins", () => {
  const early = { link: 0, bitsPerSecond: 55e6, seenBitsPerSecond: 1e6 };
  expect(believedAfter([fast, fast, { bounds: [early] }])).toBeCloseTo(60e6, -3);
});

test("what a transfer under way has said drifts back to what is stated, as figures do", () => {
  const [stuck, quiet] = [{ bounds: [{ link: 0, bitsPerSecond: 1000 }] }, {}];
  const behind = (seconds: number) =>
    believedAfter([stuck, ...Array.from({ length: 4 * seconds }, () => quiet)]);
  expect(behind(30)).toBeCloseTo(500, -1);
  expect(behind(60)).toBeGreaterThan(10_000);
  expect(behind(600)).toBeCloseTo(20e6, -3);
});
