import { expect, test } from "vitest";
import { nominalState } from "../cost/state.ts";
import { readTopology } from "../cost/topology-file.ts";
import { describeDrift } from "./drift.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ from: camera, to: cloud, bandwidth: 100 Mbit/s }]
source: camera
`);
const world = nominalState(topology);

test("says what differs the most from what is stated", () => {
  const slower = { ...world, bandwidthBitsPerSecond: [2e7], slowDown: [1, 2] };
  const unknown = { world: slower, cost: null, bestCost: null };
  expect(describeDrift(topology, unknown, "latency")).toBe(
    "camera → cloud carries 20 Mbit/s, not 100 Mbit/s",
  );
  const busy = { ...unknown, world: { ...world, slowDown: [1, 2.5] } };
  expect(describeDrift(topology, busy, "latency")).toBe("cloud takes 2.5 times as long as stated");
});

test.each([
  ["latency", "50 ms with this plan, 25 ms with another"],
  ["throughput", "20 /s with this plan, 40 /s with another"],
  ["energy", "50 mJ with this plan, 25 mJ with another"],
  ["latency + 2 s/J · energy", "0.0500 s of latency + 2 s/J · energy with this plan, 0.0250 s"],
])("says what it costs in the unit of the objective: %s", (objective, words) => {
  const found = describeDrift(topology, { world, cost: 0.05, bestCost: 0.025 }, objective);
  expect(found).toContain(`there is a better plan: ${words}`);
});
