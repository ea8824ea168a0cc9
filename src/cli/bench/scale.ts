import { cpus } from "node:os";
import { join } from "node:path";
import type { GrowthCell, GrowthResult } from "../../compare/growth.ts";
import { fullSizes, growthCells, quickSizes, simulationCells } from "../../compare/growth-cells.ts";
import { type GrowthReport, ratePlanners } from "../../compare/growth-report.ts";
import type { SimulationCell, SimulationResult } from "../../compare/growth-simulation.ts";
import { drawChart } from "../draw/chart.ts";
import { devicesChart, nodesChart, simulatorChart } from "../draw/growth.ts";
import { writeWhole } from "../files.ts";
import { measureCells } from "../growth-runner.ts";
import { growthMarkdown } from "../print/growth.ts";
import { showProgress } from "../print/progress.ts";
import type { Terminal } from "../terminal.ts";

const modelled =
  "modelled, not measured: node seconds from FLOP and bytes by a roofline of 20 GFLOP/s and 10 GB/s, links as stated below; only planning and simulating are measured.";

/** Runs every cell of growth, each in a process of its own. */
export async function measureGrowth(
  quick: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<GrowthReport> {
  const sizes = quick ? quickSizes : fullSizes;
  const planning = growthCells(sizes);
  const simulating = simulationCells(sizes);
  const count = planning.length + simulating.length;
  const progress = showProgress("measuring", terminal);
  try {
    const planned = await measureCells<GrowthCell, GrowthResult>(planning, signal, (cell, at) => {
      const { planner, network, nodes, shape, devices } = cell;
      progress.update(at / count, `${planner}: ${network} ${nodes}, ${shape} ${devices}`);
    });
    const simulated = await measureCells<SimulationCell, SimulationResult>(
      simulating,
      signal,
      ({ requests, stages }, at) => {
        progress.update((planning.length + at) / count, `${requests} requests, ${stages} stages`);
      },
    );
    return {
      command: `partita bench scale${quick ? " --quick" : ""}`,
      costs: modelled,
      machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version },
      limitSeconds: sizes.limitSeconds,
      planners: ratePlanners(planned),
      simulator: simulated,
    };
  } finally {
    progress.stop();
  }
}

/** Writes scale.md, scale.json and the charts; returns the Markdown. */
export async function writeGrowth(
  report: GrowthReport,
  folder: string,
  terminal: Terminal,
): Promise<string> {
  const charts = {
    "scale-nodes.svg": nodesChart(report.planners),
    "scale-devices.svg": devicesChart(report.planners),
    "scale-simulator.svg": simulatorChart(report.simulator),
  };
  for (const [file, chart] of Object.entries(charts)) {
    await writeWhole(join(folder, file), await drawChart(chart), terminal);
  }
  const markdown = growthMarkdown(report, {
    "Planners over graph size": "scale-nodes.svg",
    "Planners over devices": "scale-devices.svg",
    "The simulator": "scale-simulator.svg",
  });
  await writeWhole(join(folder, "scale.md"), markdown, terminal);
  await writeWhole(join(folder, "scale.json"), `${JSON.stringify(report, null, 1)}\n`, terminal);
  return markdown;
}
