import { expect, test } from "vitest";
import { createHops } from "../cost/hops.ts";
import { checkTopology } from "../cost/topology-check.ts";
import { wifiRate, wifiTopology } from "./wifi-topology.ts";

test("the mean rate and the least are those of the model", () => {
  const rates = Array.from({ length: 40 }, (_, seed) =>
    wifiTopology({ devices: 20, seed, memoryBytes: null }).links.map(
      ({ bandwidthBitsPerSecond }) => bandwidthBitsPerSecond as number,
    ),
  ).flat();
  expect(rates.reduce((sum, rate) => sum + rate, 0) / rates.length / 1e6).toBeCloseTo(6.03, 1);
  expect(wifiRate(149 * Math.SQRT2) / 1e6).toBeCloseTo(2.88, 2);
  expect(Math.min(...rates)).toBeGreaterThan(2.8e6);
});

test("a seed makes one topology, whose links are faster than any way round", () => {
  const options = { devices: 12, seed: 3, memoryBytes: 64e6, sink: "d0" };
  const topology = wifiTopology(options);
  checkTopology(topology, "wifi");
  expect(wifiTopology(options)).toEqual(topology);
  expect(wifiTopology({ ...options, seed: 4 })).not.toEqual(topology);
  const hops = createHops(
    topology,
    topology.devices.map(() => null),
    [{ bytes: 1e6 }],
  );
  hops.links.forEach(({ from, to }, link) => {
    expect(hops.route(from, to, 0)).toEqual([link]);
  });
});
