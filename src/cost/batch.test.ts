import { expect, test } from "vitest";
import { bytes, flop, seconds, secondsPerByte } from "../base/units.ts";
import { measuredBatches, profileOfBatch, topologyOfBatch } from "./batch.ts";
import { graphSha256 } from "./graph-hash.ts";
import { mergeProfiles, type Profile, readProfile } from "./profile.ts";
import { readTopology } from "./topology-file.ts";

const cost = (nodeSeconds: readonly (number | null)[]) => ({
  nodeSeconds: nodeSeconds.map((value) => (value === null ? null : seconds(value))),
  overheadSeconds: seconds(1),
  boundarySecondsPerByte: secondsPerByte(2),
  overheadBytes: bytes(100),
});

/** x → a → y, where y reads a tensor s that is the same for any number of requests. */
const profile: Profile = {
  format: "partita.profile/1",
  graph: {
    name: "g",
    inputs: ["x"],
    outputs: ["y"],
    tensors: [
      { name: "x", dataType: "float32", shape: [1, 3], bytes: bytes(12) },
      { name: "s", dataType: "int64", shape: [2], bytes: bytes(16) },
      { name: "y", dataType: "float32", shape: [1, 2], bytes: bytes(8) },
    ],
    nodes: [
      {
        name: "shape",
        operator: "Shape",
        inputs: ["x"],
        outputs: ["s"],
        flop: flop(0),
        parameterBytes: bytes(0),
      },
      {
        name: "reshape",
        operator: "Op",
        inputs: ["x", "s"],
        outputs: ["y"],
        flop: flop(10),
        parameterBytes: bytes(64),
      },
    ],
  },
  devices: {
    pi: {
      ...cost([1, null]),
      batches: [
        { requests: 2, ...cost([1.5, null]) },
        { requests: 8, ...cost([4.5, null]) },
      ],
    },
  },
  batch: { axes: [0, null, 0], difference: 1e-7 },
};

test("what grows with the requests is so many times as large, and parameters are what they were", () => {
  const { graph } = profileOfBatch(profile, 4);
  expect(graph.tensors.map(({ shape, bytes: size }) => [shape, size])).toEqual([
    [[4, 3], 48],
    [[2], 16],
    [[4, 2], 32],
  ]);
  expect(graph.nodes.map(({ flop: count, parameterBytes }) => [count, parameterBytes])).toEqual([
    [0, 0],
    [40, 64],
  ]);
});

test("nodes take what was measured, and between two numbers what lies on the line between them", () => {
  const secondsFor = (requests: number) =>
    profileOfBatch(profile, requests).devices["pi"]?.nodeSeconds;
  expect([1, 2, 4, 8].map(secondsFor)).toEqual([
    [1, null],
    [1.5, null],
    [2.5, null],
    [4.5, null],
  ]);
  expect(profileOfBatch(profile, 1)).toBe(profile);
  expect(() => profileOfBatch(profile, 9)).toThrow(
    /measured with 1, 2, 8 requests at once, not with 9/,
  );
  const { batch: _, ...single } = profile;
  expect(() => profileOfBatch(single, 2)).toThrow(/profile the model again with --batch/);
});

test("only numbers that were measured on every kind of device can be planned with", () => {
  const other = { ...cost([2, 2]), batches: [{ requests: 8, ...cost([9, 9]) }] };
  const both = { ...profile, devices: { ...profile.devices, vm: other } };
  expect(measuredBatches(both, ["pi"])).toEqual([1, 2, 8]);
  expect(measuredBatches(both, ["pi", "vm"])).toEqual([1, 8]);
  const { batch: _, ...single } = both;
  expect(measuredBatches(single, ["pi"])).toEqual([1]);
});

test("an input that is lighter on its way than it is comes as often as there are requests", () => {
  const topology = readTopology(
    `{ format: partita.topology/1, devices: [{ name: a }], links: [], source: a, inputBytes: { x: 5 B } }`,
  );
  expect(topologyOfBatch(topology, 3).inputBytes).toEqual({ x: 15 });
});

test("a profile says what it knows of several requests and stays what it was without", () => {
  const read = (changed: unknown) => readProfile(JSON.stringify(changed));
  expect(read(profile)).toEqual(profile);
  const { batch, ...single } = profile;
  expect(graphSha256(read(single).graph)).toBe(graphSha256(profile.graph));
  const merged = mergeProfiles([
    { ...profile, devices: { one: cost([1, 1]) } },
    {
      ...profile,
      devices: { other: cost([1, 1]) },
      batch: { axes: [0, null, 0], difference: 1e-6 },
    },
  ]);
  expect(merged.batch?.difference).toBe(1e-6);
  expect(() => read({ ...profile, batch: { ...batch, axes: [0] } })).toThrow(
    /batch.axes has 1 entries/,
  );
  expect(() => read({ ...profile, batch: { ...batch, axes: [2, null, 0] } })).toThrow(
    /axis of 'x'/,
  );
  const [two, eight] = profile.devices["pi"]?.batches ?? [];
  const withBatches = (batches: unknown) => ({
    ...profile,
    devices: { pi: { ...cost([1, 1]), batches } },
  });
  expect(() => read(withBatches([eight, two]))).toThrow(/not in the order/);
  expect(() => read(withBatches([{ ...two, nodeSeconds: [1] }]))).toThrow(
    /batches\[0\].nodeSeconds/,
  );
});
