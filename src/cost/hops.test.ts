import { expect, test } from "vitest";
import { bytes, seconds, secondsPerByte } from "../base/units.ts";
import { createHops } from "./hops.ts";
import { readTopology } from "./topology-file.ts";

const kind = {
  nodeSeconds: [],
  overheadSeconds: seconds(0.5),
  boundarySecondsPerByte: secondsPerByte(0.25),
  overheadBytes: bytes(0),
};

/** 8 bit/s is one byte a second. */
const topology = readTopology(`
format: partita.topology/1
devices: [{ name: a, speed: 0.5 }, { name: b }, { name: c }, { name: d }]
links:
  - { from: a, to: b, bandwidth: 8 bit/s, latency: 1 s }
  - { from: b, to: c, bandwidth: 8 bit/s }
  - { from: a, to: c, bandwidth: 2 bit/s }
  - { from: a, to: d, bandwidth: 8 bit/s, latency: 1 s }
  - { from: d, to: c, bandwidth: 8 bit/s }
source: a
`);

test("charges latency, wire and the work of both ends at their speeds", () => {
  const hops = createHops(topology, [kind, kind, kind, kind], [{ bytes: 4 }]);
  // Wire 4, latency 1; the sender 4 · 0.25 ÷ 0.5, the receiver 0.5 + 4 · 0.25.
  expect(hops.hopSeconds(0, 0)).toBe(4 + 1 + 2 + 1.5);
  expect(hops.wireSeconds(0, 0)).toBe(4);
});

test("a device that only relays works for nothing", () => {
  const hops = createHops(topology, [kind, null, kind, kind], [{ bytes: 4 }]);
  expect(hops.receiveSeconds(0, 0)).toBe(0);
  expect(hops.hopSeconds(0, 0)).toBe(4 + 1 + 2);
});

test("takes the cheapest route for the size of a tensor, and the first by name among equals", () => {
  const hops = createHops(topology, [null, null, null, null], [{ bytes: 4 }, { bytes: 0.25 }]);
  // Two hops cost 2·bytes + 1, the direct link 4·bytes.
  expect(hops.route(0, 2, 0)).toEqual([0, 1]);
  expect(hops.route(0, 2, 1)).toEqual([2]);
  expect(hops.route(2, 0, 0)).toBeNull();
  expect(hops.route(1, 1, 0)).toEqual([]);
});

test("prefers fewer hops among equally cheap routes", () => {
  const hops = createHops(topology, [null, null, null, null], [{ bytes: 0.5 }]);
  expect(hops.route(0, 2, 0)).toEqual([2]);
});
