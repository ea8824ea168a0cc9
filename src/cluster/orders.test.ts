import { expect, test } from "vitest";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import { emulationOf } from "./orders.ts";

const { topology } = problemOf({
  inputs: { x: 8 },
  nodes: [{ name: "a", reads: ["x"], bytes: 4, seconds: [1, null, 1, 1] }],
  outputs: ["a"],
  devices: [
    { name: "camera", speed: 0.5 },
    { name: "hub", relay: "coordinator" },
    { name: "shed" },
    { name: "cloud" },
  ],
  links: [
    ...between("camera", "hub", 8e-3, 0.1),
    ...between("shed", "hub", 4e-3, 0.2),
    ...between("cloud", "hub", 2e-3, 0.3),
    ...between("camera", "cloud", 1e-3, 0.4),
  ],
});

test("devices imitate both links of a way over the relay where there is no other, or the plan takes it", () => {
  const first = { bandwidthBitsPerSecond: 1000, latencySeconds: 0.1, medium: "camera - hub" };
  const toShed = { bandwidthBitsPerSecond: 2000, latencySeconds: 0.2, medium: null };
  const toCloud = { bandwidthBitsPerSecond: 4000, latencySeconds: 0.3, medium: null };
  const direct = { bandwidthBitsPerSecond: 8000, latencySeconds: 0.4, medium: null, beyond: null };
  expect(emulationOf(topology, "camera")).toEqual({
    speed: 0.5,
    links: [
      { to: "cloud", ...direct },
      { to: "shed", ...first, beyond: toShed },
    ],
  });
  expect(emulationOf(topology, "camera", new Set(["cloud"])).links).toEqual([
    { to: "shed", ...first, beyond: toShed },
    { to: "cloud", ...first, beyond: toCloud },
  ]);
});
