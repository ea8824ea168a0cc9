import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { GrowthCell, GrowthResult } from "../../compare/growth.ts";
import { readCell } from "../../compare/growth-cell.ts";
import { fullSizes, growthCells, quickSizes, simulationCells } from "../../compare/growth-cells.ts";
import { type GrowthReport, ratePlanners } from "../../compare/growth-report.ts";
import type { SimulationCell, SimulationResult } from "../../compare/growth-simulation.ts";
import { type Command, defineCommand, flag, text, usage } from "../command.ts";
import { drawChart } from "../draw/chart.ts";
import { devicesChart, nodesChart, simulatorChart } from "../draw/growth.ts";
import { unwritable, writeWhole } from "../files.ts";
import { measureCells, runCell } from "../growth-runner.ts";
import { growthMarkdown } from "../print/growth.ts";
import { showProgress } from "../print/progress.ts";
import type { Terminal } from "../terminal.ts";

const defaultFolder = "partita-bench";

const modelled =
  "modelled, not measured: node seconds from FLOP and bytes by a roofline of 20 GFLOP/s and 10 GB/s, links as stated below; only planning and simulating are measured.";

/** `partita bench scale`. */
export const bench: Command = defineCommand({
  summary: "measure how planners and the simulator grow with graphs, devices and requests",
  arguments: [
    { syntax: "<what>", summary: "scale; or cell, which runs one cell of it in this process" },
    { syntax: "[cell]", summary: "of cell: what to run, as JSON" },
  ],
  options: {
    quick: flag("--quick", "fewer sizes and shorter limits: about a minute instead of ten"),
    output: text(
      "-o, --output <folder>",
      `where to write scale.md, scale.json and the charts (default ./${defaultFolder})`,
    ),
  },
  examples: ["partita bench scale --quick", "partita bench scale --output results --json"],
  run: async ({ arguments: [what, written], options, terminal, signal }) => {
    if (what === "cell") {
      const cell = readCell(written ?? "");
      if (cell === null) throw usage("cell wants one cell of the table, as JSON");
      terminal.document(await runCell(cell));
      return 0;
    }
    if (what !== "scale") throw usage(`bench can only measure scale, not "${what}"`);
    const folder = options.output ?? defaultFolder;
    await mkdir(folder, { recursive: true }).catch((error) => {
      throw unwritable(folder, error);
    });
    const report = await measureGrowth(options.quick, terminal, signal);
    const markdown = await writeReport(report, folder, terminal);
    if (terminal.json) terminal.document(report);
    else terminal.line(`${markdown}\nwrote scale.md, scale.json and its charts to ${folder}`);
    return 0;
  },
});

async function measureGrowth(
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

async function writeReport(
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
