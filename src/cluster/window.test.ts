import { expect, test } from "vitest";
import { bytes, joules, seconds } from "../base/units.ts";
import { windowOf } from "./window.ts";

function windowFor(latency: number, period: number): number {
  const stages = ["camera", "cloud"].map((device, position) => ({
    id: `s${position}`,
    devices: [device],
    nodes: [],
    seconds: seconds(period),
  }));
  const hop = { tensor: "t", from: "camera", to: "cloud", bytes: bytes(1), seconds: seconds(1) };
  const claimed = {
    latencySeconds: seconds(latency),
    periodSeconds: seconds(period),
    throughputPerSecond: 1 / period,
    energyJoules: joules(0),
    memoryBytes: {},
  };
  return windowOf({ claimed, stages, transfers: [hop] });
}

test("a link of long latency holds as many requests as pass while one is on its way", () => {
  expect(windowFor(0.7, 0.042)).toBe(17 + 2 + 1);
});

test("a short pipeline is filled twice, and no window is without end", () => {
  expect(windowFor(0.1, 0.1)).toBe(6);
  expect(windowFor(0, 0)).toBe(6);
  expect(windowFor(60, 0.001)).toBe(128);
});
