import fc from "fast-check";
import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
} from "../../test/fixtures/changing-link.ts";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { createChoices } from "../control/choices.ts";
import { readTrace } from "../cost/trace.ts";
import { type Policy, simulateAdaptive } from "./adaptive.ts";
import { comparePolicies } from "./compare-policies.ts";
import { simulate } from "./pipeline.ts";

const problem = changingLink();
const placements = [cloudAlone, splitInTwo, cameraAlone];
const choices = createChoices(
  problem,
  placements.map((placement) => ({ placement })),
);
const [cloud, split, camera] = [0, 1, 2];

function traceOf(...lines: (readonly [number, number])[]) {
  const rows = lines.map(([seconds, rate]) => `${seconds},camera<->cloud,${rate}`);
  const text = `seconds,link,bandwidthBitsPerSecond\n${rows.join("\n")}\n`;
  return readTrace(text, problem.topology, "trace.csv");
}

const steady = (perSecond: number) => ({ type: "steady", perSecond }) as const;

test.each([
  ["closed", { type: "closed", inFlight: 3 }],
  ["steady", steady(2)],
] as const)("a plan that never changes takes what a simulation of it takes, %s", (_, arrivals) => {
  const trace = traceOf([3, 5e6], [9, 1e6], [20, 20e6]);
  placements.forEach((placement, choice) => {
    const policy = { type: "static", choice } as const;
    const found = simulateAdaptive(choices, { arrivals, requests: 60, trace, policy });
    const known = simulate(problem, placement, { arrivals, requests: 60, trace });
    if (known.type === "infeasible") throw new Error(known.reason);
    expect([...found.latencySeconds]).toEqual([...known.latencySeconds]);
    expect(found.switches).toEqual([]);
  });
});

test("control goes where the oracle goes, a little later", () => {
  const trace = traceOf([20, 5e6], [40, 0.4e6], [60, 20e6]);
  const asked = { arrivals: steady(2), requests: 160, trace };
  const oracle = simulateAdaptive(choices, { ...asked, policy: { type: "oracle", free: true } });
  expect(oracle.switches).toEqual([
    { seconds: 20, to: split },
    { seconds: 40, to: camera },
    { seconds: 60, to: cloud },
  ]);
  const policy = { type: "controlled", start: cloud } as const;
  const { switches, latencySeconds } = simulateAdaptive(choices, { ...asked, policy });
  expect(switches.map(({ to }) => to)).toEqual([split, camera, cloud]);
  const delays = switches.map(({ seconds }, position) => seconds - 20 * (position + 1));
  expect(Math.min(...delays)).toBeGreaterThan(0);
  // Back over a link on which nothing is sent it has to probe first.
  expect(Math.max(...delays.slice(0, 2))).toBeLessThan(4);
  expect(delays[2]).toBeLessThan(11);
  expect(latencySeconds).toHaveLength(160);
  expect(latencySeconds.every((seconds) => seconds > 0)).toBe(true);
});

test("requests that entered before a switch are answered by the plan that they entered", () => {
  const trace = traceOf([1, 0.1e6]);
  const arrivals = { type: "listed", seconds: [0, 0.98, 1.5, 2.5] } as const;
  const policy = { type: "oracle", free: true } as const;
  const run = simulateAdaptive(choices, { arrivals, requests: 9, trace, policy });
  expect([...run.enteredAtSeconds]).toEqual([0, 0.98, 1.5, 2.5]);
  // Half of the second request was sent by 1 s; the other half takes 4 s, while others overtake it.
  const expected = [0.14, 0.02 + 4 + 0.1, 0.4, 0.4];
  run.latencySeconds.forEach((seconds, request) => {
    expect(seconds).toBeCloseTo(expected[request] as number, 9);
  });
});

test("an oracle that pays goes back to its first plan at once while it is one of the last three", () => {
  const trace = traceOf([20, 5e6], [40, 0.4e6], [60, 20e6]);
  const policy = { type: "oracle", free: false } as const;
  const asked = { arrivals: steady(0.5), requests: 40, trace, policy };
  const { switches } = simulateAdaptive(choices, asked);
  expect(switches.map(({ to }) => to)).toEqual([split, camera, cloud]);
  const delays = switches.map(({ seconds }, position) => seconds - 20 * (position + 1));
  // The camera loads n0 for 0.4 s, then both nodes.
  expect(Math.min(...delays.slice(0, 2))).toBeGreaterThan(0.4);
  expect(delays[2]).toBeCloseTo(0.05, 9);
});

test("every request is answered once under every policy, whatever the world does", () => {
  const change = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 3, max: 80 }));
  fc.assert(
    fc.property(
      fc.uniqueArray(change, { selector: ([seconds]) => seconds, minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 8 }),
      (changes, perSecond) => {
        const sorted = changes.toSorted((a, b) => a[0] - b[0]);
        const trace = traceOf(...sorted.map(([at, rate]) => [at, rate * 2.5e5] as const));
        const asked = { arrivals: steady(perSecond), requests: 80, trace };
        for (const policy of [
          { type: "oracle", free: true },
          { type: "oracle", free: false },
          { type: "controlled", start: camera as number },
        ] as const) {
          const run = simulateAdaptive(choices, { ...asked, policy });
          expect(run.latencySeconds).toHaveLength(80);
          expect(Math.min(...run.latencySeconds)).toBeGreaterThan(0.13);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("adapting beats every single plan where no single plan suits, and the oracle is not far", () => {
  const blocks = Array.from({ length: 6 }, (_, block) => [40 * block, block % 2 ? 0.4e6 : 20e6]);
  const trace = traceOf(...(blocks as [number, number][]));
  const figures = comparePolicies(choices, {
    arrivals: () => steady(2),
    requests: 480,
    warmUp: 20,
    trace,
    start: cloud as number,
  });
  const of = (name: string) => figures.find((row) => row.name === name);
  expect(figures.map(({ name }) => name)).toEqual([
    "adaptive",
    "oracle",
    "paying",
    "static",
    "start",
    "whole",
  ]);
  expect(of("oracle")?.regret).toBe(0);
  expect(of("adaptive")?.meanSeconds).toBeLessThan(of("static")?.meanSeconds ?? 0);
  expect(of("adaptive")?.switches).toBeLessThanOrEqual(10);
  expect(of("static")?.choice).toBe(camera);
});

test("control leaves a plan with tiles where its halos cost too much, as the oracle does", () => {
  const picture = pictureProblem({});
  const together = {
    placement: [1, 1, 0],
    tiles: [stage([0, 1], [1, 2], [4, 8])],
  };
  const tiled = createChoices(picture, [together, { placement: [0, 0, 0] }]);
  const lines = [0, 100, 300].flatMap((seconds, at) =>
    picture.topology.links.map(({ from, to }) => `${seconds},${from}->${to},${at === 1 ? 8 : 800}`),
  );
  const text = ["seconds,link,bandwidthBitsPerSecond", ...lines, ""].join("\n");
  const trace = readTrace(text, picture.topology, "trace.csv");
  const arrivals = { type: "closed", inFlight: 1 } as const;
  const run = (policy: Policy, requests: number) =>
    simulateAdaptive(tiled, { arrivals, requests, trace, policy, observeSeconds: 1 });
  const { tiles, placement } = together;
  const known = simulate(picture, placement, { arrivals, requests: 20, trace, tiles });
  if (known.type === "infeasible") throw new Error(known.reason);
  const kept = run({ type: "static", choice: 0 }, 20);
  expect([...kept.latencySeconds]).toEqual([...known.latencySeconds]);
  expect(run({ type: "oracle", free: true }, 40).switches).toEqual([
    { seconds: 100, to: 1 },
    { seconds: 300, to: 0 },
  ]);
  const { switches } = run({ type: "controlled", start: 0 }, 15);
  expect(switches.map(({ to }) => to)).toEqual([1]);
  expect(switches[0]?.seconds).toBeGreaterThan(100);
  expect(switches[0]?.seconds).toBeLessThan(200);
});
