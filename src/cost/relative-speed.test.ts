import { expect, test } from "vitest";
import { type Seconds, seconds } from "../base/units.ts";
import type { DeviceProfile } from "./profile.ts";
import { contradicts, profiledBenchmarks, relativeSpeed } from "./relative-speed.ts";
import { readTopology } from "./topology-file.ts";

function kind(benchmarkSeconds?: number): DeviceProfile {
  const costs = {
    nodeSeconds: [],
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: 0 as DeviceProfile["boundarySecondsPerByte"],
    overheadBytes: 0 as DeviceProfile["overheadBytes"],
  };
  if (benchmarkSeconds === undefined) return costs;
  return { ...costs, benchmarkSeconds: benchmarkSeconds as Seconds };
}

const several = { devices: { pi: kind(8e-3), vm: kind(1e-3), old: kind() } };
const only = { devices: { vm: kind(1e-3) } };

test("a machine that takes four times as long has a quarter of the speed", () => {
  expect(relativeSpeed(several, "vm", 4e-3)).toBe(0.25);
  expect(relativeSpeed(several, "pi", 4e-3)).toBe(2);
  expect(relativeSpeed(only, undefined, 1e-3)).toBe(1);
});

test("what was measured on one side only says nothing", () => {
  expect(relativeSpeed(several, "old", 4e-3)).toBeNull();
  expect(relativeSpeed(several, "vm", null)).toBeNull();
  expect(relativeSpeed(several, "nobody", 4e-3)).toBeNull();
  expect(relativeSpeed(several, "constructor", 4e-3)).toBeNull();
  expect(relativeSpeed(several, undefined, 4e-3)).toBeNull();
});

test("a stated speed is contradicted beyond 30 %, by more or less", () => {
  expect([0.69, 0.71, 1.29, 1.31, null].map((measured) => contradicts(1, measured))).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
  expect(contradicts(0.1, 0.2)).toBe(true);
});

test("names what each device of a topology was profiled with", () => {
  const topology = readTopology(
    `
format: partita.topology/1
devices:
  - { name: camera, tier: device, profile: pi }
  - { name: hub, tier: edge, profile: none }
  - { name: shed, tier: edge, profile: old }
  - { name: cloud, tier: cloud }
links:
  - { between: [camera, hub], bandwidth: 1 Mbit/s, latency: 1 ms }
  - { between: [shed, hub], bandwidth: 1 Mbit/s, latency: 1 ms }
  - { between: [hub, cloud], bandwidth: 1 Mbit/s, latency: 1 ms }
source: camera
`,
    "home.topology.yaml",
  );
  expect(profiledBenchmarks(several, topology)).toEqual({ camera: 8e-3 });
  expect(profiledBenchmarks(only, topology)).toEqual({ cloud: 1e-3 });
});
