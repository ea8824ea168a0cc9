import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { nominalState } from "../cost/state.ts";
import { createChoices } from "./choices.ts";
import { learn, noEstimates } from "./estimates.ts";
import { findProbes, probeWork } from "./probes.ts";

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
  // What a shaper lets through at once makes 18 750 bytes look as if they came at 12 Mbit/s.
  expect(bytesAfter(1.5e6, 1.5e6, 1.5e6, 12e6)).toEqual([150_000]);
  expect(bytesAfter(1.5e6, 1.5e6, 1.5e6, 400e6)).toEqual([262_144]);
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
