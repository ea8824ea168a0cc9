import { expect, test } from "vitest";
import type { Gathered, GatheredLink } from "../cluster/gathering.ts";
import { readTopology } from "../cost/topology-file.ts";
import { writeMeasuredTopology } from "./measured-topology.ts";

const options = { benchmarkSeconds: 0.01, measuredAt: "2026-11-21T15:00:00.000Z" };

function linkOf(from: string, to: string, tunnelled = false): GatheredLink {
  const address = "host:1";
  const link = { roundTripSeconds: 0.02, goodputBitsPerSecond: 12_345_678, address, tunnelled };
  return { from, to, link, why: null };
}

function machine(device: string, benchmarkSeconds: number | null = 0.02) {
  return { device, cores: 4, memoryBytes: 2 ** 30, benchmarkSeconds };
}

function gathered(links: readonly GatheredLink[], ...names: readonly string[]): Gathered {
  return { address: "host:7000", devices: names.map((name) => machine(name)), links };
}

test("writes goodput, half the round trip, relative speed and memory, and the first is the source", () => {
  const all = gathered([linkOf("camera", "cloud"), linkOf("cloud", "camera")], "camera", "cloud");
  const text = writeMeasuredTopology(all, options);
  const topology = readTopology(text);
  expect(topology).toMatchObject({
    source: "camera",
    sink: "camera",
    devices: [
      { name: "camera", speed: 0.5, memoryBytes: 2 ** 30 },
      { name: "cloud", speed: 0.5 },
    ],
    links: [
      { from: "camera", to: "cloud", bandwidthBitsPerSecond: 12_350_000, latencySeconds: 0.01 },
      { from: "cloud", to: "camera" },
    ],
  });
  expect(text).toContain("measured 2026-11-21T15:00:00.000Z");
});

test("lets tunnelled links share the coordinator, and leaves out those with no way", () => {
  const none = { from: "cloud", to: "camera", link: null, why: "nobody\nanswers" };
  const links = [linkOf("camera", "cloud", true), none];
  const text = writeMeasuredTopology(gathered(links, "camera", "cloud"), options);
  expect(readTopology(text).links).toMatchObject([
    { from: "camera", to: "cloud", medium: "through the coordinator" },
  ]);
  expect(text).toContain("# no way from cloud to camera: nobody answers");
});

test("says which speeds it does not know", () => {
  const devices = [machine("camera", null)];
  const text = writeMeasuredTopology({ address: "host:1", devices, links: [] }, options);
  expect(text).toContain("the speed of camera was not measured: 1");
  expect(readTopology(text).devices).toMatchObject([{ speed: 1 }]);
});

test("refuses a device that nobody can reach, and says why", () => {
  const gone = { from: "camera", to: "moon", link: null, why: "too far" };
  const links = [linkOf("camera", "cloud"), linkOf("cloud", "camera"), gone];
  expect(() => writeMeasuredTopology(gathered(links, "camera", "cloud", "moon"), options)).toThrow(
    expect.objectContaining({
      code: "TOPOLOGY_INVALID",
      message: expect.stringContaining("too far"),
    }),
  );
});
