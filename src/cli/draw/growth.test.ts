import { expect, test } from "vitest";
import type { PlannerRow, SimulatorRow } from "../../compare/growth-report.ts";
import { growthMarkdown } from "../print/growth.ts";
import { drawChart } from "./chart.ts";
import { devicesChart, nodesChart, simulatorChart } from "./growth.ts";

const planned = {
  type: "planner",
  study: "devices",
  network: "mobilenetv2",
  nodes: 152,
  shape: "mesh",
  devices: 10,
  objective: "latency",
  planner: "exact",
  limitSeconds: 2,
  end: "finished",
  problemSeconds: 0.001,
  planSeconds: 0.02,
  writeSeconds: 0.003,
  runs: 6,
  value: 0.1,
  bound: 0.1,
  memoryBytes: 5_000_000,
  gap: 0,
} as const;
const rows: readonly PlannerRow[] = [
  planned,
  { ...planned, devices: 50, end: "stopped", gap: 0.031 },
  { ...planned, planner: "single", devices: 200, gap: null },
  { ...planned, devices: 200, end: "refused", value: null, gap: null, reason: "too many devices" },
  { ...planned, study: "nodes", shape: "tiers", nodes: 1000 },
];
const simulated: readonly SimulatorRow[] = [
  {
    type: "simulator",
    study: "requests",
    requests: 1000,
    stages: 5,
    simulateSeconds: 0.01,
    memoryBytes: 2_000_000,
    periodSeconds: 0.036,
    claimedPeriodSeconds: 0.036,
  },
  {
    type: "simulator",
    study: "stages",
    requests: 1000,
    stages: 9,
    end: "late",
    reason: "no answer",
  },
];

test("the charts show every planner, shape and axis", async () => {
  const devices = await drawChart(devicesChart(rows));
  for (const text of ["exact", "single", "mesh", "devices", "planning time (s)", "hollow"]) {
    expect(devices).toContain(text);
  }
  expect(await drawChart(nodesChart(rows))).toContain("three tiers in a line");
  expect(await drawChart(simulatorChart(simulated))).toContain("memory added (MiB)");
});

test("the table says how each cell ended, and what it is worth", () => {
  const report = {
    command: "partita bench scale",
    costs: "modelled.",
    machine: { cores: 2 },
    limitSeconds: 2,
    planners: rows,
    simulator: simulated,
  };
  const markdown = growthMarkdown(report, { Devices: "devices.svg" });
  expect(markdown).toMatch(/^# Growth\n\n {4}partita bench scale\n/);
  expect(markdown).toContain("![Devices](devices.svg)");
  for (const outcome of [
    "| optimal |",
    "| stopped, gap 3.1 % |",
    "| no bound |",
    "| refused: too many devices |",
  ]) {
    expect(markdown).toContain(outcome);
  }
  expect(markdown).toContain("| 5 | 1000 | 10 ms | 100,000 |");
  expect(markdown).toContain("| 9 | 1000 | would not stop |");
});
