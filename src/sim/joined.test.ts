import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { createRandom } from "../base/random.ts";
import { nominalState } from "../cost/state.ts";
import type { Trace } from "../cost/trace.ts";
import type { Arrivals } from "./arrivals.ts";
import { type JoinedOptions, type JoinedSimulation, simulateJoined } from "./joined.ts";
import { simulate } from "./pipeline.ts";

/** Two devices in a row; a node takes 1 s and a tenth more for each further request. */
const problemOf = (requests: number) =>
  smallProblem({
    nodes: ["a", "b"].map((name) => ({
      name,
      inputs: [name === "a" ? "x" : "ta"],
      outputs: [`t${name}`],
      seconds: 1 + 0.1 * (requests - 1),
    })),
    bytes: { x: 1, ta: 100 * requests, tb: 1 },
    outputs: ["tb"],
    topology: `
devices: [{ name: one }, { name: other }]
links: [{ between: [one, other], bandwidthBitsPerSecond: 8000, latency: 0 s }]
source: one
sink: anywhere`,
  });

const { topology } = problemOf(1);
const changing: Trace = {
  start: nominalState(topology),
  changes: [
    { seconds: 10, device: 1, slowDown: 2 },
    { seconds: 20, link: 0, bandwidthBitsPerSecond: 800 },
  ],
};

function run(
  arrivals: Arrivals,
  most: number,
  waitSeconds = 0,
  passes = 2,
  more: Pick<JoinedOptions, "trace"> = {},
): JoinedSimulation {
  const joining = { most, waitSeconds, passes, rows: passes * most };
  const options = { arrivals, requests: 40, warmUp: 8, joining, ...more };
  const found = simulateJoined(problemOf, [0, 1], options);
  if (found.type === "infeasible") throw new Error(found.reason);
  return found;
}

test.each([
  ["nothing changes", {}],
  ["a device and a link become slow", { trace: changing }],
])("alone each is what the simulator of single requests says where %s", (_, more) => {
  const arrivals = (): Arrivals => ({ type: "poisson", perSecond: 0.7, random: createRandom(3) });
  const asked = { arrivals: arrivals(), requests: 40, warmUp: 8, ...more };
  const single = simulate(problemOf(1), [0, 1], asked);
  if (single.type === "infeasible") throw new Error(single.reason);
  const joined = run(arrivals(), 1, 0, 1000, more);
  joined.latencySeconds.forEach((latency, at) => {
    expect(latency).toBeCloseTo(single.latencySeconds[at] as number, 9);
  });
});

test("who waits together goes together: more answers in the same time", () => {
  const closed: Arrivals = { type: "closed", inFlight: 12 };
  const [single, joined] = [run(closed, 1, 0, 4), run(closed, 4, 0, 2)];
  expect(single.periodSeconds).toBeCloseTo(1, 1);
  expect(joined.requestsPerPass).toBeGreaterThan(3.5);
  // Two devices, each busy 1.3 s for four requests.
  expect(joined.periodSeconds).toBeLessThan(0.4);
  // The second takes 2.6 s for four from second 10 on.
  const slow = run(closed, 4, 0, 2, { trace: changing });
  expect(slow.endSeconds).toBeGreaterThan(joined.endSeconds + 2);
});

test("a lone request waits for company as long as it may, and no longer", () => {
  const rare: Arrivals = { type: "steady", perSecond: 0.05 };
  const [alone, held] = [run(rare, 4), run(rare, 4, 0.5)];
  expect(alone.latencySeconds[0]).toBeCloseTo(2.1);
  expect(held.latencySeconds[0]).toBeCloseTo(2.6);
  expect(held.requestsPerPass).toBe(1);
});
