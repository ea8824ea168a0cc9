import { expect, test } from "vitest";
import { bytes, joules, seconds } from "../base/units.ts";
import type { Transfer } from "../plan/plan.ts";
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

test("stages that the same devices share, one behind the other, are filled as one", () => {
  const tiles = [
    { device: "left", rows: [0, 4] as const },
    { device: "right", rows: [4, 8] as const },
  ];
  const devices = ["left", "right"];
  const stages = Array.from({ length: 14 }, (_, position) => ({
    ...{ id: `s${position}`, devices, nodes: [], seconds: seconds(1), tiles },
  }));
  const transfers = stages.flatMap(({ id }): Transfer[] => [
    { tensor: id, from: "left", to: "right", bytes: bytes(1), seconds: seconds(1), rows: [3, 4] },
    { tensor: id, from: "right", to: "left", bytes: bytes(1), seconds: seconds(1), rows: [4, 5] },
  ]);
  const claimed = {
    latencySeconds: seconds(1),
    periodSeconds: seconds(1),
    throughputPerSecond: 1,
    energyJoules: joules(0),
    memoryBytes: {},
  };
  expect(windowOf({ claimed, stages, transfers })).toBe(4);
});
