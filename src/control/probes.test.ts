import fc from "fast-check";
import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { nominalState } from "../cost/state.ts";
import { createChoices } from "./choices.ts";
import { learn, noEstimates, stateOf } from "./estimates.ts";
import type { Observation } from "./observation.ts";
import { type Probed, type ProbeOptions, probeWork, withProbes } from "./probe-cost.ts";
import { findProbes } from "./probes.ts";

/** The answer goes back to a camera that is ten times slower than its cloud. */
function questionAndAnswer(answerBytes: number) {
  return smallProblem({
    nodes: [{ name: "n0", inputs: ["in"], outputs: ["out"], seconds: 0.1, parameterBytes: 1000 }],
    bytes: { in: 100_000, out: answerBytes },
    outputs: ["out"],
    topology: `
devices: [{ name: camera, speed: 0.1 }, { name: cloud, tier: cloud }]
links: [{ between: [camera, cloud], bandwidth: 20 Mbit/s }]
source: camera
`,
    objective: "latency",
  });
}

/** The camera alone serves, since both directions were slow a while ago. */
function probed(problem: ReturnType<typeof questionAndAnswer>, now: number, options = {}) {
  const choices = createChoices(problem, [{ placement: [0] }, { placement: [1] }]);
  const links = [0, 1].map((link) => ({ link, bitsPerSecond: 1e5, count: 4 }));
  const slow = { devices: [], links, bounds: [] };
  const estimates = learn(problem.topology, noEstimates(problem.topology), slow, 10);
  const known = { estimates, probed: {}, serving: 0, activeAt: now, taken: [] };
  const world = { ...nominalState(problem.topology), bandwidthBitsPerSecond: [1e5, 1e5] };
  return findProbes(choices, known, world, now, 0.05, options).map(({ from, to }) => [from, to]);
}

test("of the links of a better plan those are probed on which it depends", () => {
  // 10 bytes come back in time however slow that link is.
  expect(probed(questionAndAnswer(10), 14)).toEqual([["camera", "cloud"]]);
  expect(probed(questionAndAnswer(100_000), 14)).toEqual([
    ["camera", "cloud"],
    ["cloud", "camera"],
  ]);
});

test("a link that seems to be much faster is looked at once more, with more bytes", () => {
  const problem = questionAndAnswer(10);
  const { topology } = problem;
  const choices = createChoices(problem, [{ placement: [0] }, { placement: [1] }]);
  const bytesAfter = (...rates: readonly number[]) => {
    const estimates = rates.reduce((known, bitsPerSecond, look) => {
      const links = [{ link: 0, bitsPerSecond, count: 1 }];
      return learn(topology, known, { devices: [], links, bounds: [] }, 10 + look);
    }, noEstimates(topology));
    const now = 9.5 + rates.length;
    const world = { ...nominalState(topology), bandwidthBitsPerSecond: [1.5e6, 20e6] };
    const known = { estimates, probed: {}, serving: 0, activeAt: now, taken: [] };
    const there = findProbes(choices, known, world, now, 0.05).filter(({ link }) => link === 0);
    return there.map(({ bytes }) => bytes);
  };
  expect(bytesAfter(1.5e6, 1.5e6, 1.5e6)).toEqual([18_750]);
  // What a shaper lets through at once makes 18 750 bytes look as if they came at 6 Mbit/s, or any rate.
  expect(bytesAfter(1.5e6, 1.5e6, 1.5e6, 6e6)).toEqual([75_000]);
  expect(bytesAfter(1.5e6, 1.5e6, 1.5e6, 400e6)).toEqual([93_750]);
});

test("a link is probed the less often the slower the devices at its ends are", () => {
  const problem = questionAndAnswer(10);
  const world = { ...nominalState(problem.topology), slowDown: [3, 1] };
  const work = probeWork(problem, world, 0, { probeDeviceSeconds: 2e-3 });
  expect(work).toEqual([expect.closeTo(0.06, 9), 2e-3]);
  const dear = { probeDeviceSeconds: 0.01, probeDeviceShare: 0.02, probeShare: 1 };
  // 0.1 s of the camera, in 5 s.
  expect(probed(problem, 14.9, dear)).toEqual([]);
  expect(probed(problem, 15.1, dear)).toHaveLength(1);
});

/** Looks at the upload four times a second; a probe says at the next look what the link is like. */
function probeFor(looks: number, rateAt: (look: number) => number, options: ProbeOptions = {}) {
  const problem = questionAndAnswer(10);
  const choices = createChoices(problem, [{ placement: [0] }, { placement: [1] }]);
  let estimates = noEstimates(problem.topology);
  let probed: Readonly<Record<number, Probed>> = {};
  let pending = true;
  const sent: { readonly now: number; readonly bytes: number }[] = [];
  for (let look = 0; look < looks; look++) {
    const now = look / 4;
    const links = pending ? [{ link: 0, bitsPerSecond: rateAt(look), count: 1 }] : [];
    const seen: Observation = { devices: [], links, bounds: [] };
    estimates = learn(problem.topology, estimates, seen, now);
    const world = stateOf(problem.topology, estimates, now);
    const known = { estimates, probed, serving: 0, activeAt: now, taken: [] };
    const probes = findProbes(choices, known, world, now, 0.05, options);
    probed = withProbes(problem, probed, probes, world, now, options);
    const own = probes.filter(({ link }) => link === 0);
    pending = own.length > 0;
    sent.push(...own.map(({ bytes }) => ({ now, bytes })));
  }
  return sent;
}

test("a second look comes at once, and the link then rests from both if it is slow still", () => {
  const sent = probeFor(60, (look) => (look === 15 ? 400e6 : 1.5e6));
  const at = sent.findIndex(({ now }) => now === 3.5);
  expect(sent.slice(at, at + 3)).toEqual([
    { now: 3.5, bytes: 18_750 },
    { now: 3.75, bytes: 93_750 },
    // 0.5 s at 1.5 Mbit/s are 20 % of 2.5 s, and 0.25 s are left of the rest before it.
    { now: 6.5, bytes: 18_750 },
  ]);
});

test("a link that has become fast is looked at as often as before when two looks agree", () => {
  const sent = probeFor(60, (look) => (look < 13 ? 1.5e6 : 6e6));
  const behind = sent.filter(({ now }) => now >= 2.75).map(({ now }) => now);
  expect(behind.slice(0, 5)).toEqual([2.75, 3.5, 3.75, 4.5, 5.25]);
});

test("whatever probes say, they take no more than their share of devices, but for one second look", () => {
  const rate = fc.double({ min: 4.5, max: 8.5, noNaN: true }).map((power) => 10 ** power);
  const rest = fc.double({ min: 0.3, max: 3, noNaN: true });
  fc.assert(
    fc.property(fc.array(rate, { minLength: 20, maxLength: 80 }), rest, (rates, seconds) => {
      // The camera has a speed of 0.1.
      const options = { probeDeviceSeconds: 0.1 * 0.03 * seconds };
      const sent = probeFor(rates.length, (look) => rates[look] as number, options);
      sent.forEach(({ now }, last) => {
        for (let first = 0; first < last; first++) {
          const passed = now - (sent[first]?.now as number);
          expect(passed + 1e-9).toBeGreaterThanOrEqual((last - first - 1) * seconds);
        }
      });
    }),
    { numRuns: 40 },
  );
});
