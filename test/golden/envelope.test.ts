import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { bytes, seconds, secondsPerByte } from "../../src/base/units.ts";
import type { DeviceProfile, Profile } from "../../src/cost/profile.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { compress } from "../../src/plan/compress.ts";
import { findReigns } from "../../src/plan/envelope/decision.ts";
import { runEnvelope } from "../../src/plan/envelope.ts";
import { createSplittingModel } from "../../src/plan/planners/cic/splitting-model.ts";
import { createProblem } from "../../src/plan/problem.ts";
import { drawGraph } from "../../src/zoo/graph.ts";
import type { ZooName } from "../../src/zoo/zoo.ts";

/**
 * Worked out independently with a roofline model: node seconds = overhead + max(FLOP ÷ rate, bytes
 * touched ÷ bandwidth of the memory). From fast links to slow ones: milliseconds of compute, bytes
 * sent, and the rate in Mbit/s at which the next line takes over.
 */
const golden: Partial<Record<ZooName, readonly (readonly [number, number, number])[]>> = {
  alexnet: [
    [2.985, 602_112, 183.9],
    [21.06, 186_624, 8.2133],
    [166.93, 36_864, 5.1191],
    [224.541, 0, 0],
  ],
  mobilenetv2: [
    [2.579, 602_112, 104.88],
    [25.543, 301_056, 93.686],
    [42.681, 100_352, 35.286],
    [54.057, 50_176, 7.396],
    [108.33, 0, 0],
  ],
  vgg16: [
    [41.824, 602_112, 1.2181],
    [3996.186, 0, 0],
  ],
  resnet50: [
    [12.834, 602_112, 4.4792],
    [1088.219, 0, 0],
  ],
};
/**
 * The networks there have the graph input as a node and a few names more or less: one node's
 * overhead, 8 µs on the server and 30 to 87 µs on the device.
 */
const tolerance = 4e-3;

const topology = readTopology(`
format: partita.topology/1
devices:
  - { name: phone, profile: phone }
  - { name: server, tier: cloud, profile: server }
links:
  - { between: [phone, server], bandwidth: 8 Mbit/s }
source: phone
sink: anywhere
`);
const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

/** Groups after compression with a float32 and with a one-byte input; the input is no node here. */
const groups: readonly (readonly [ZooName, number, number])[] = [
  ["alexnet", 5, 4],
  ["vgg16", 4, 3],
  ["resnet50", 7, 2],
  ["densenet121", 5, 3],
  ["mobilenetv2", 6, 5],
  ["googlenet", 32, 12],
];

test.each(groups)(
  "%s is compressed to %i groups, with small inputs to %i",
  (name, wide, narrow) => {
    const profile = profileOf(name);
    const [input] = profile.graph.inputs as readonly [string];
    const size = profile.graph.tensors.find((tensor) => tensor.name === input)?.bytes ?? 0;
    const counts = [1, 4].map((ratio) => {
      const inputBytes = { [input]: bytes(size / ratio) };
      const problem = createProblem(profile, { ...topology, inputBytes }, { type: "latency" });
      const found = compress(problem, {
        slowDown: [
          [1, 1],
          [1, 2],
        ],
      });
      return found.type === "compressed" ? found.groups.length : found.reason;
    });
    expect(counts).toEqual([wide, narrow]);
  },
);

test.each(Object.keys(golden) as ZooName[])("the envelope of %s is the published one", (name) => {
  const problem = createProblem(profileOf(name), topology, { type: "latency" });
  const box = [{ type: "bandwidth", links: [0, 1], least: 1e3, most: 1e12 }] as const;
  const envelope = runEnvelope(problem, box, { clock });
  if ("type" in envelope) throw new Error(envelope.reason);
  expect(envelope.excess).toBe(0);
  const lines = findReigns(envelope, 0, [8e6])
    .toReversed()
    .map(({ placement, from }) => {
      const { constant = 0, slopes = [] } = envelope.placements[placement] ?? {};
      return [constant * 1e3, Math.round((slopes[0] ?? 0) * 1e6), from / 1e6] as const;
    });
  const expected = golden[name] ?? [];
  expect(lines.map(([, sent]) => sent)).toEqual(expected.map(([, sent]) => sent));
  lines.forEach(([milliseconds, , rate], position) => {
    const [line = 0, , breakpoint = 0] = expected[position] ?? [];
    expect(Math.abs(milliseconds / line - 1)).toBeLessThan(tolerance);
    if (breakpoint > 0) expect(Math.abs(rate / breakpoint - 1)).toBeLessThan(tolerance);
  });
});

test.each(Object.keys(golden) as ZooName[])(
  "the splitting model of %s decides along that envelope",
  (name) => {
    const problem = createProblem(profileOf(name), topology, { type: "latency" });
    const model = createSplittingModel(problem);
    if (model.type === "refused") throw new Error(model.reason);
    for (let step = 0; step <= 40; step++) {
      const rate = 1e5 * 10 ** (step / 10);
      const decision = model.decide({ bandwidthBitsPerSecond: [rate, rate], slowDown: [1, 1] });
      const least = Math.min(
        ...(golden[name] ?? []).map(([compute, sent]) => compute / 1e3 + (8 * sent) / rate),
      );
      const error = Math.abs((decision?.cost ?? Number.NaN) / least - 1);
      expect(error, `${rate} bit/s`).toBeLessThan(tolerance);
    }
  },
);

function profileOf(name: ZooName): Profile {
  const graph = drawGraph(name);
  return {
    format: "partita.profile/1",
    graph,
    devices: {
      phone: roofline(graph, 8e9, 4e9, 30e-6),
      server: roofline(graph, 800e9, 200e9, 8e-6),
    },
  };
}

function roofline(
  graph: Graph,
  flopRate: number,
  byteRate: number,
  overhead: number,
): DeviceProfile {
  const sizes = new Map(graph.tensors.map((tensor) => [tensor.name, tensor.bytes as number]));
  return {
    nodeSeconds: graph.nodes.map(({ inputs, outputs, flop, parameterBytes }) => {
      const touched = [...inputs, ...outputs].reduce(
        (sum, tensor) => sum + (sizes.get(tensor) ?? 0),
        parameterBytes as number,
      );
      return seconds(overhead + Math.max((flop ?? 0) / flopRate, touched / byteRate));
    }),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
}
