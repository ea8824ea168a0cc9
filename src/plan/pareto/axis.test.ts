import { expect, test } from "vitest";
import { readTopology } from "../../cost/topology-file.ts";
import { arrange, formatAxis, parseAxes } from "./axis.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera, tier: device }, { name: cloud, tier: cloud }]
links: [{ between: [camera, cloud], bandwidth: 8 Mbit/s }]
source: camera
`);

test.each([
  ["latency,energy", "latency", "energy"],
  ["throughput, latency", "latency", "throughput"],
  ["energy,throughput", "energy", "throughput"],
  ["throughput,memory", "throughput", "memory"],
  ["memory:camera,latency", "latency", "memory:camera"],
])("%s minimises %s under limits of %s", (text, minimised, limited) => {
  const pair = arrange(parseAxes(text, topology));
  expect(formatAxis(pair.minimised)).toBe(minimised);
  expect(formatAxis(pair.limited)).toBe(limited);
});

test.each([
  ["latency", /two axes, such as "latency,energy", not "latency"/],
  ["latency,energy,memory", /two axes/],
  ["latency,latency", /names latency twice/],
  ["memory,memory:camera", /weighs memory against memory/],
  ["latency,speed", /"speed" is no axis of a front; write latency, energy/],
  ["latency,memory:moon", /no device of the topology \(devices: camera, cloud\)/],
])("refuses %s", (text, message) => {
  expect(() => parseAxes(text, topology)).toThrow(message);
});
