import { formatQuantity } from "../../base/units.ts";
import {
  endInWords,
  type GrowthReport,
  type PlannerRow,
  type SimulatorRow,
} from "../../compare/growth-report.ts";
import { markdownTable } from "./markdown.ts";
import { formatPercent } from "./percent.ts";

/** The report as Markdown, with the command above the tables. */
export function growthMarkdown(
  report: GrowthReport,
  charts: Readonly<Record<string, string>>,
): string {
  const { command, costs, machine, limitSeconds, planners, simulator } = report;
  const where = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const images = Object.entries(charts).map(([title, file]) => `![${title}](${file})`);
  const parts = [
    "# Growth",
    `    ${command}`,
    `Costs: ${costs} Measured on: ${where.join(", ")}. Each cell ran in a process of its own and was stopped after ${formatQuantity(limitSeconds, "s")}; what took less than 0.3 s was repeated five times after a warm-up, and the median stands. *Building* makes the problem from profile and topology, *writing* evaluates, writes down and checks the plan. *Memory* is what planning added to the process at its largest, in steps of some MiB, as the garbage collector has it. The *gap* is to the best bound that any planner proved for the problem, so that heuristics have one too.`,
    ...images,
    "## Planners over graph size",
    "Networks of the zoo on device, edge and cloud in a line; larger ones repeat their own blocks.",
    plannerTable(planners.filter(({ study }) => study === "nodes")),
    "## Planners over devices",
    "MobileNetV2 with 152 nodes. *line*: neighbours linked; *hub*: all linked to one device that only relays; *mesh*: all linked to all, near ones faster.",
    plannerTable(planners.filter(({ study }) => study === "devices")),
    "## The simulator",
    "A pipeline over devices in a line, twice as many requests as stages in the system at all times.",
    simulatorTable(simulator),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What a cell came to, in a few words. */
export function gapInWords(row: PlannerRow): string {
  const { end, gap } = row;
  if (!("value" in row) || row.value === null) {
    const why = "reason" in row && row.reason !== undefined ? `: ${row.reason}` : "";
    return `${endInWords(end)}${why}`;
  }
  const rated = gap === null ? "no bound" : gap === 0 ? "optimal" : `gap ${formatPercent(gap)}`;
  return end === "finished" ? rated : `stopped, ${rated}`;
}

function plannerTable(rows: readonly PlannerRow[]): string {
  const heads = [
    "objective",
    "graph",
    "nodes",
    "shape",
    "devices",
    "planner",
    "building",
    "planning",
    "writing",
    "memory",
    "value",
    "outcome",
  ];
  const cells = rows.map((row) => {
    const { objective, network, nodes, shape, devices, planner } = row;
    const measured =
      "planSeconds" in row
        ? [
            time(row.problemSeconds),
            row.runs === 0 ? "" : time(row.planSeconds),
            row.value === null ? "" : time(row.writeSeconds),
            row.memoryBytes === null ? "" : formatQuantity(row.memoryBytes, "B", 2),
            row.value === null ? "" : formatQuantity(row.value, "s"),
          ]
        : ["", "", "", "", ""];
    return [objective, network, nodes, shape, devices, planner, ...measured, gapInWords(row)];
  });
  return markdownTable(
    heads.map((head) => ({ head })),
    cells,
  );
}

function simulatorTable(rows: readonly SimulatorRow[]): string {
  const heads = [
    "stages",
    "requests",
    "simulating",
    "requests per second",
    "memory",
    "period",
    "by the cost model",
  ];
  const cells = rows.map((row) => {
    const { stages, requests } = row;
    if (!("simulateSeconds" in row)) return [stages, requests, endInWords(row.end), "", "", "", ""];
    return [
      stages,
      requests,
      time(row.simulateSeconds),
      Math.round(requests / row.simulateSeconds).toLocaleString("en"),
      formatQuantity(row.memoryBytes, "B", 2),
      row.periodSeconds === null ? "" : formatQuantity(row.periodSeconds, "s"),
      formatQuantity(row.claimedPeriodSeconds, "s"),
    ];
  });
  return markdownTable(
    heads.map((head) => ({ head })),
    cells,
  );
}

function time(seconds: number): string {
  return formatQuantity(seconds, "s", 2);
}
