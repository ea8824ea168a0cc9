import { expect, test } from "vitest";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { addedMemory, type GrowthCell, type GrowthHost, runGrowthCell } from "./growth.ts";
import { readCell } from "./growth-cell.ts";
import { fullSizes, growthCells, quickSizes, simulationCells } from "./growth-cells.ts";
import { type PlannerRow, ratePlanners } from "./growth-report.ts";
import { runSimulationCell } from "./growth-simulation.ts";
import { growthTopology } from "./growth-topologies.ts";

const cell: GrowthCell = {
  type: "planner",
  study: "devices",
  network: "mobilenetv2",
  nodes: 152,
  shape: "line",
  devices: 3,
  objective: "latency",
  planner: "exact",
  limitSeconds: 1,
};
const memory = () => ({ peak: 100, now: 40 });
const still: GrowthHost = { clock: createVirtualClock(), memory };

test("a cell says how long each step took, what came out, and what that is worth", () => {
  const found = runGrowthCell(cell, still);
  expect(found).toMatchObject({ end: "finished", nodes: 152, runs: 6, memoryBytes: 0 });
  expect(found.bound).toBeLessThanOrEqual(found.value ?? 0);
  expect(found.bound).toBeGreaterThan(0.999 * (found.value ?? 0));
});

test("a planner that has a plan when the time is over is stopped with it", () => {
  let now = 0;
  const clock = { ...still.clock, now: () => ++now as ReturnType<typeof still.clock.now> };
  const found = runGrowthCell({ ...cell, planner: "random", limitSeconds: 3 }, { clock, memory });
  expect(found).toMatchObject({ end: "stopped", runs: 1 });
  expect(found.value).toBeGreaterThan(0);
});

test("memory counts from where it stood to the peak, if the peak has risen", () => {
  expect(addedMemory({ peak: 100, now: 40 }, { peak: 130, now: 50 })).toBe(90);
  expect(addedMemory({ peak: 100, now: 40 }, { peak: 100, now: 50 })).toBe(10);
  expect(addedMemory({ peak: 100, now: 40 }, { peak: 100, now: 30 })).toBe(0);
});

test("a heuristic is rated by the bound that another planner proved for the same problem", () => {
  const rows = ["random", "exact"].map((planner) => ({
    ...cell,
    planner,
    ...runGrowthCell({ ...cell, planner }, still),
  }));
  const [random, exact] = ratePlanners(rows) as [PlannerRow, PlannerRow];
  expect(exact.gap).toBe(0);
  expect(random.gap).toBeGreaterThan(0.01);
  const alone = ratePlanners(rows.slice(0, 1));
  expect(alone[0]?.gap).toBeNull();
  const other = ratePlanners([rows[0] as PlannerRow, { ...(rows[1] as PlannerRow), nodes: 153 }]);
  expect(other[0]?.gap).toBeNull();
});

test.each(["line", "hub", "mesh"] as const)(
  "a %s has as many devices as asked, and one form",
  (shape) => {
    const topology = growthTopology(shape, 7);
    expect(topology.devices.filter(({ profile }) => profile !== "none")).toHaveLength(7);
    expect(topology.links).toHaveLength({ line: 12, hub: 14, mesh: 42 }[shape]);
    expect(growthTopology(shape, 7)).toEqual(topology);
  },
);

test("a cell is read as it was written, and nothing else is", () => {
  for (const one of [...growthCells(quickSizes), ...simulationCells(quickSizes)]) {
    expect(readCell(JSON.stringify(one))).toEqual(one);
  }
  for (const text of ["", "{}", JSON.stringify({ ...cell, planner: "luck" })]) {
    expect(readCell(text)).toBeNull();
  }
});

test("every planner meets every problem, and the quick table is a small one", () => {
  const full = growthCells(fullSizes);
  const quick = growthCells(quickSizes);
  expect(quick.length).toBeLessThan(full.length / 2);
  for (const planner of ["random", "single", "exact"]) {
    expect(full.filter((row) => row.planner === planner).length).toBeGreaterThan(50);
  }
  expect(full.some(({ nodes }) => nodes === 10_000)).toBe(true);
  expect(full.some(({ devices }) => devices === 200)).toBe(true);
  expect(simulationCells(fullSizes).some(({ requests }) => requests === 1_000_000)).toBe(true);
});

test("the simulator keeps to the period of the cost model as the stages grow", () => {
  for (const stages of [2, 6]) {
    const found = runSimulationCell(
      { type: "simulator", study: "stages", requests: 500, stages },
      still,
    );
    expect(found.periodSeconds).toBeCloseTo(found.claimedPeriodSeconds, 9);
  }
});
