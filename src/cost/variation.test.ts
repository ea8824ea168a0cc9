import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { readTopology } from "./topology-file.ts";
import { parseVariation, sampleStates } from "./variation.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud, tier: cloud }]
links: [{ between: [camera, cloud], bandwidth: 8 Mbit/s }]
source: camera
`);

test.each([
  ["camera->cloud=5..40 Mbit/s", "link", [0], { type: "uniform", least: 5e6, most: 40e6 }],
  [
    "camera->cloud = 0.5 Mbit/s .. 1 Gbit/s",
    "link",
    [0],
    { type: "uniform", least: 5e5, most: 1e9 },
  ],
  ["camera<->cloud=.5..1.5 Mbit/s", "link", [0, 1], { type: "uniform", least: 5e5, most: 1.5e6 }],
  [
    "cloud->camera=lognormal(20 Mbit/s, 0.5)",
    "link",
    [1],
    { type: "lognormal", median: 20e6, sigma: 0.5 },
  ],
  ["cloud=1..2.5", "device", [1], { type: "uniform", least: 1, most: 2.5 }],
] as const)("reads %s", (text, type, positions, distribution) => {
  expect(parseVariation(text, topology)).toEqual({ type, positions, distribution });
});

test.each([
  ["camera->cloud", /should be NAME=RANGE/],
  ["camera->moon=1..2 Mbit/s", /no link and no device .*links: camera->cloud, .*devices: camera/],
  ["camera->cloud=5..40", /"5" is not a quantity in bit\/s/],
  ["camera->cloud=40..5 Mbit/s", /the smaller value first/],
  ["camera->cloud=0..5 Mbit/s", /should be a bandwidth above 0/],
  ["camera->cloud=20 Mbit/s", /no range and no distribution/],
  ["camera->cloud=lognormal(20 Mbit/s, )", /no range and no distribution/],
  ["camera->cloud=lognormal(20 Mbit/s, 1000)", /more than a factor of e\^5/],
  ["cloud=1..2 s", /"1 s" should be a slow-down, a number without a unit/],
])("refuses %s", (text, message) => {
  expect(() => parseVariation(text, topology)).toThrow(message);
});

test("draws the distribution, both directions alike, the same for one seed", () => {
  const variations = [
    parseVariation("camera<->cloud=lognormal(20 Mbit/s, 0.5)", topology),
    parseVariation("cloud=1..3", topology),
  ];
  const draw = (seed: number) => sampleStates(topology, variations, 2000, createRandom(seed));
  const states = draw(7);
  expect(draw(7)).toEqual(states);
  const logs = states.map(({ state }) => Math.log(state.bandwidthBitsPerSecond[0] as number));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length;
  expect(mean).toBeCloseTo(Math.log(20e6), 1);
  expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
  for (const { state } of states) {
    expect(state.bandwidthBitsPerSecond[1]).toBe(state.bandwidthBitsPerSecond[0]);
    expect(state.slowDown[0]).toBe(1);
    expect(Math.abs((state.slowDown[1] as number) - 2)).toBeLessThanOrEqual(1);
  }
});
