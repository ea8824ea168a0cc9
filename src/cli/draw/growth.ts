import type { TopLevelSpec } from "vega-lite";
import { type PlannerRow, problemKey, type SimulatorRow } from "../../compare/growth-report.ts";

/** Gaps below this are drawn at it: a logarithm has no zero. */
const leastGap = 1e-5;
const mebibyte = 2 ** 20;

/** What is drawn beside one another, and in what. */
const measures = [
  { field: "seconds", title: "planning time (s)" },
  { field: "memory", title: "memory added (MiB)" },
  { field: "gap", title: `gap to the best bound (%, floor ${leastGap * 100})` },
] as const;

/** Time, memory and gap over the size of the graph, a row for each objective. */
export function nodesChart(rows: readonly PlannerRow[]): TopLevelSpec {
  return plannerChart(
    "Planners over graph size: three tiers in a line",
    rows.filter(({ study }) => study === "nodes"),
    { field: "nodes", title: "nodes", series: "network" },
  );
}

/** The same over the number of devices. */
export function devicesChart(rows: readonly PlannerRow[]): TopLevelSpec {
  return plannerChart(
    "Planners over devices: MobileNetV2 on lines, hubs and meshes",
    rows.filter(({ study }) => study === "devices"),
    { field: "devices", title: "devices", series: "shape" },
  );
}

interface Axis {
  readonly field: "nodes" | "devices";
  readonly title: string;
  /** Told apart by dashes. */
  readonly series: "network" | "shape";
}

function plannerChart(title: string, rows: readonly PlannerRow[], axis: Axis): TopLevelSpec {
  const objectives = [...new Set(rows.map(({ objective }) => objective))];
  const values = rows.flatMap((row) => pointOf(row));
  return {
    title: { text: title, subtitle: "hollow: stopped at the time limit", offset: 12 },
    data: { values },
    vconcat: objectives.map((objective) => ({
      hconcat: measures.map((measure) => ({
        title: { text: `${objective}: ${measure.title}`, fontSize: 12, offset: 6 },
        width: 320,
        height: 240,
        transform: [
          { filter: { field: "objective", equal: objective } },
          { filter: { field: measure.field, valid: true } },
        ],
        layer: layersOf(axis, measure.field),
      })),
    })),
  } as TopLevelSpec;
}

/** A line for each planner and series, with a point for each cell: full where the planner ended by itself. */
function layersOf(axis: Axis, field: string): object[] {
  const log = { type: "log", nice: false } as const;
  const encoding = {
    x: {
      field: axis.field,
      type: "quantitative",
      scale: log,
      title: axis.title,
      axis: { tickCount: 6, format: "~s" },
    },
    y: {
      field,
      type: "quantitative",
      scale: { type: "log" },
      title: null,
      axis: { tickCount: 6, format: "~g" },
    },
    color: {
      field: "planner",
      type: "nominal",
      title: "planner",
      sort: null,
      legend: { symbolType: "circle", symbolFillColor: null },
    },
    detail: { field: axis.series },
  };
  const dash = {
    field: axis.series,
    type: "nominal",
    title: axis.series,
    sort: null,
    legend: { symbolType: "stroke", symbolSize: 300 },
  };
  const points = (ended: string, mark: object): object => ({
    mark: { type: "point", size: 45, ...mark },
    transform: [{ filter: { field: "ended", equal: ended } }],
    encoding,
  });
  return [
    { mark: { type: "line", strokeWidth: 1.5 }, encoding: { ...encoding, strokeDash: dash } },
    points("finished", { filled: true, opacity: 1 }),
    points("stopped", { filled: false, fill: "white", opacity: 1 }),
  ];
}

function pointOf(row: PlannerRow): object[] {
  if (!("planSeconds" in row) || row.value === null) return [];
  return [
    {
      nodes: row.nodes,
      devices: row.devices,
      network: row.network,
      shape: row.shape,
      objective: row.objective,
      planner: row.planner,
      problem: problemKey(row),
      ended: row.end,
      seconds: row.planSeconds,
      memory: row.memoryBytes === null ? null : Math.max(1, row.memoryBytes / mebibyte),
      gap: row.gap === null ? null : 100 * Math.max(leastGap, row.gap),
    },
  ];
}

/** Time and memory of the simulator over requests and over stages. */
export function simulatorChart(rows: readonly SimulatorRow[]): TopLevelSpec {
  const panels = [
    { study: "requests", field: "requests" },
    { study: "stages", field: "stages" },
  ] as const;
  const values = rows.flatMap((row) =>
    "simulateSeconds" in row
      ? [
          {
            study: row.study,
            requests: row.requests,
            stages: row.stages,
            seconds: row.simulateSeconds,
            memory: Math.max(1, row.memoryBytes / mebibyte),
          },
        ]
      : [],
  );
  const log = { type: "log" } as const;
  return {
    title: {
      text: "The simulator over requests (five stages) and over stages (10,000 requests)",
      offset: 12,
    },
    data: { values },
    hconcat: panels.flatMap(({ study, field }) =>
      (["seconds", "memory"] as const).map((measure) => ({
        width: 240,
        height: 220,
        transform: [{ filter: { field: "study", equal: study } }],
        mark: { type: "line", point: true },
        encoding: {
          x: {
            field,
            type: "quantitative",
            scale: log,
            title: field,
            axis: { tickCount: 5, format: "~s" },
          },
          y: {
            field: measure,
            type: "quantitative",
            scale: log,
            title: measure === "seconds" ? "simulating (s)" : "memory added (MiB)",
            axis: { tickCount: 5, format: "~g" },
          },
        },
      })),
    ),
  } as TopLevelSpec;
}
