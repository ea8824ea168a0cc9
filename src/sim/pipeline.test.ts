import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { type Profile, readProfile } from "../cost/profile.ts";
import { readTopology } from "../cost/topology-file.ts";
import { readTrace } from "../cost/trace.ts";
import { createProblem, type Problem } from "../plan/problem.ts";
import { type Simulation, type SimulationOptions, type Span, simulate } from "./pipeline.ts";

/** A chain of nodes that take 1 s each at speed 1, joined by tensors of 1000 bytes. */
function chain(nodes: number): Profile {
  const names = Array.from({ length: nodes + 1 }, (_, tensor) => `t${tensor}`);
  const tensors = names.map((name) => ({ name, dataType: "uint8", shape: [1000], bytes: 1000 }));
  return readProfile(
    JSON.stringify({
      format: "partita.profile/1",
      graph: {
        name: "chain",
        inputs: ["t0"],
        outputs: [`t${nodes}`],
        tensors,
        nodes: Array.from({ length: nodes }, (_, node) => ({
          name: `n${node}`,
          operator: "Op",
          inputs: [`t${node}`],
          outputs: [`t${node + 1}`],
          flop: null,
          parameterBytes: 0,
        })),
      },
      devices: {
        core: {
          nodeSeconds: Array.from({ length: nodes }, () => 1),
          overheadSeconds: 0,
          boundarySecondsPerByte: 0,
          overheadBytes: 0,
        },
      },
    }),
    "chain",
  );
}

/** Two devices; a tensor takes 2 s on the wire and 0.5 s of latency. */
const pair = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidthBitsPerSecond: 4000, latency: 500 ms }]
source: camera
sink: anywhere
`);

const problem = createProblem(chain(2), pair, { type: "throughput" });

function run(asked: Problem, placement: readonly number[], options: SimulationOptions): Simulation {
  const found = simulate(asked, placement, options);
  if (found.type === "infeasible") throw new Error(found.reason);
  return found;
}

const closed = (inFlight: number) => ({ arrivals: { type: "closed", inFlight } }) as const;
const listed = (...seconds: number[]) => ({ arrivals: { type: "listed", seconds } }) as const;

test("one request passes stage, wire, latency and stage one after the other", () => {
  const { latencySeconds, answered, sent, lost, stalled } = run(problem, [0, 1], {
    requests: 2,
    ...closed(1),
  });
  expect([...latencySeconds]).toEqual([4.5, 4.5]);
  expect({ answered, sent, lost, stalled }).toEqual({ answered: 2, sent: 2, lost: 0, stalled: 0 });
});

test("requests that come together queue before the slow wire, and answers follow its pace", () => {
  const found = run(problem, [0, 1], { requests: 3, ...listed(0, 0, 0) });
  expect([...found.answeredAtSeconds]).toEqual([4.5, 6.5, 8.5]);
  expect([...found.latencySeconds]).toEqual([4.5, 6.5, 8.5]);
});

test("latency delays a tensor but leaves the wire to the next one", () => {
  const found = run(problem, [0, 1], { requests: 50, warmUp: 10, ...closed(5) });
  expect(found.periodSeconds).toBeCloseTo(2, 9);
  expect(shareOf(found, { link: ["camera", "cloud"] })).toBeCloseTo(1, 9);
  expect(shareOf(found, { device: "cloud" })).toBeCloseTo(0.5, 9);
  expect(shareOf(found, { link: ["cloud", "camera"] })).toBe(0);
});

test("an exclusive device does nothing else during a whole hop", () => {
  const devices = pair.devices.map((device) => ({
    ...device,
    communication: "exclusive" as const,
  }));
  const exclusive = createProblem(chain(2), { ...pair, devices }, { type: "throughput" });
  const found = run(exclusive, [0, 1], { requests: 50, warmUp: 10, ...closed(5) });
  expect(found.periodSeconds).toBeCloseTo(3.5, 9);
  expect(shareOf(found, { device: "camera" })).toBeCloseTo(1, 9);
});

test("links of one medium share it", () => {
  const line = readTopology(`
format: partita.topology/1
devices: [{ name: a }, { name: b }, { name: c }]
links:
  - { from: a, to: b, bandwidthBitsPerSecond: 4000, medium: air }
  - { from: b, to: c, bandwidthBitsPerSecond: 8000, medium: air }
source: a
sink: anywhere
`);
  const found = run(createProblem(chain(3), line, { type: "throughput" }), [0, 1, 2], {
    requests: 50,
    warmUp: 20,
    ...closed(9),
  });
  expect(found.periodSeconds).toBeCloseTo(3, 9);
  expect(shareOf(found, { medium: "air" })).toBeCloseTo(1, 9);
});

test("what is under way goes on at the new rate when a link or a device changes", () => {
  const slow = `seconds,link,bandwidthBitsPerSecond
2,camera->cloud,1000
2.5,camera->cloud,8000
`;
  const link = run(problem, [0, 1], {
    requests: 1,
    ...closed(1),
    trace: readTrace(slow, pair, "slow.csv"),
  });
  // Of 8000 bits 4000 are sent from 1 s to 2 s, 500 until 2.5 s, the rest in 3500 ÷ 8000 s.
  expect(link.latencySeconds[0]).toBeCloseTo(2.5 + 3500 / 8000 + 0.5 + 1, 12);
  const load = run(problem, [0, 0], {
    requests: 1,
    ...closed(1),
    trace: readTrace("seconds,device,slowDown\n1.5,camera,3\n", pair, "load.csv"),
  });
  expect(load.latencySeconds[0]).toBeCloseTo(1.5 + 0.5 * 3, 12);
});

test("a lost device takes down what it holds, and leaves what waits before it waiting", () => {
  // At 6 s the first request is answered, the second is computed there, the third on the wire to it.
  const found = run(problem, [0, 1], {
    requests: 9,
    ...listed(0, 2, 4, 6, 8),
    losses: [{ device: 1, seconds: 6 }],
  });
  expect([...found.answeredAtSeconds]).toEqual([4.5]);
  expect(found).toMatchObject({ sent: 5, answered: 1, lost: 2, stalled: 2 });
  // Up to the last answer at 4.5 s; what the first device still did for the others does not count.
  expect(shareOf(found, { device: "camera" })).toBeCloseTo(2.5 / 4.5, 12);
});

test("a lost source sends nothing more, but what has left it is answered", () => {
  const found = run(problem, [0, 1], {
    requests: 9,
    ...closed(3),
    losses: [{ device: 0, seconds: 3.6 }],
  });
  expect(found).toMatchObject({ sent: 3, answered: 1, lost: 2, stalled: 0 });
});

test("the loss of a device that the plan does not use changes nothing", () => {
  const losses = [{ device: 1, seconds: 0.5 }];
  const found = run(problem, [0, 0], { requests: 4, ...closed(2), losses });
  expect(found).toMatchObject({ sent: 4, answered: 4, lost: 0 });
});

test("Poisson arrivals come at their rate, the same for a seed, and wait the less the rarer they are", () => {
  const poisson = (perSecond: number, seed = 1) =>
    run(problem, [0, 1], {
      requests: 4000,
      arrivals: { type: "poisson", perSecond, random: createRandom(seed) },
    });
  expect(poisson(0.25).latencySeconds).toEqual(poisson(0.25).latencySeconds);
  expect(poisson(0.25).latencySeconds).not.toEqual(poisson(0.25, 2).latencySeconds);
  expect(poisson(0.25).periodSeconds).toBeCloseTo(4, 0);
  expect(mean(poisson(0.05).latencySeconds)).toBeLessThan(mean(poisson(0.25).latencySeconds));
  // An M/D/1 queue of 2 s at half load waits for 1 s on average: the other servers are faster.
  expect(mean(poisson(0.25).latencySeconds)).toBeCloseTo(5.5, 0);
});

test("a deep pipeline answers once a period, request by request", () => {
  const names = ["a", "b", "c", "d", "e"];
  const line = readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: names.map((name, position) => ({ name, speed: 1 / (1 + (position % 3)) })),
      links: names.slice(1).map((to, position) => ({
        from: names[position],
        to,
        bandwidthBitsPerSecond: 8000,
        latencySeconds: 0.3,
      })),
      source: "a",
      sink: "anywhere",
    }),
  );
  const deep = createProblem(chain(5), line, { type: "throughput" });
  const { answeredAtSeconds } = run(deep, [0, 1, 2, 3, 4], { requests: 1200, ...closed(9) });
  const mean = ((answeredAtSeconds[1199] ?? 0) - (answeredAtSeconds[199] ?? 0)) / 1000;
  expect(Math.abs(mean / 3 - 1)).toBeLessThanOrEqual(1e-6);
});

test("spans say what every device and link does, one thing at a time", () => {
  const spans: Span[] = [];
  const found = run(problem, [0, 1], {
    requests: 3,
    ...listed(0, 0, 0),
    onSpan: (span) => spans.push(span),
  });
  expect(spans[0]).toEqual({
    server: 0,
    request: 0,
    type: "compute",
    stage: 0,
    tensors: [],
    link: -1,
    startSeconds: 0,
    endSeconds: 1,
  });
  const wire = spans.filter(({ type }) => type === "wire");
  expect(wire.map(({ request, startSeconds }) => [request, startSeconds])).toEqual([
    [0, 1],
    [1, 3],
    [2, 5],
  ]);
  expect(found.servers[wire[0]?.server ?? -1]?.where).toEqual({ link: ["camera", "cloud"] });
});

test("a placement that is not allowed is not simulated, and says why", () => {
  const oneWay = { ...pair, links: pair.links.slice(0, 1), sink: "camera" };
  const found = simulate(createProblem(chain(2), oneWay, { type: "latency" }), [0, 1], {
    requests: 1,
    ...closed(1),
  });
  expect(found).toMatchObject({ type: "infeasible", reason: expect.stringMatching(/no route/) });
});

function shareOf({ servers }: Simulation, where: object): number | undefined {
  return servers.find((server) => JSON.stringify(server.where) === JSON.stringify(where))?.share;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
