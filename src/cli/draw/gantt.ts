import type { TopLevelSpec } from "vega-lite";
import type { Span } from "../../sim/pipeline.ts";

/** What a chart shows; positions of servers are those of `rows`. */
export interface GanttData {
  readonly title: string;
  /** Names of devices, links and media from top to bottom, by position of the server. */
  readonly rows: ReadonlyMap<number, string>;
  readonly spans: readonly Span[];
  /** When requests are answered. */
  readonly answers: readonly { readonly request: number; readonly seconds: number }[];
  readonly windowSeconds: readonly [number, number];
  /** What happens to the world: drawn as lines with a word. */
  readonly marks: readonly { readonly seconds: number; readonly text: string }[];
}

/** The row below all others. */
const answered = "answered";
const width = 960;
/** Of a figure in a bar, and of the room beside it; pixels. */
const [figureWidth, figureMargin] = [7, 6];
const rowHeight = 30;
const legend = { orient: "bottom", titleOrient: "left", symbolSize: 120, labelLimit: 300 } as const;

const doings: Readonly<Record<Span["type"], string>> = {
  compute: "computes",
  wire: "carries tensors",
  send: "sends",
  receive: "receives",
  hop: "taken by a hop",
};

/** Devices and links over time: a bar for each thing done, in the colour of its request. */
export function ganttChart(data: GanttData): TopLevelSpec {
  const [from, to] = data.windowSeconds;
  const unit = unitOf(to - from);
  const isInside = ({ seconds }: { readonly seconds: number }) => seconds >= from && seconds <= to;
  const bars = data.spans
    .filter((span) => span.endSeconds > from && span.startSeconds < to)
    .map((span) => barOf(span, data, unit));
  const answers = data.answers.filter(isInside).map(({ request, seconds }) => ({
    row: answered,
    request: request + 1,
    at: seconds / unit.seconds,
  }));
  const marks = data.marks.filter(isInside).map(({ seconds, text }) => ({
    at: seconds / unit.seconds,
    text,
  }));
  const order = [...data.rows.values(), answered];
  const x = {
    field: "at",
    type: "quantitative" as const,
    title: `time, ${unit.name}`,
    scale: { domain: [from / unit.seconds, to / unit.seconds], nice: false },
    axis: { tickCount: 12 },
  };
  const y = {
    field: "row",
    type: "nominal" as const,
    sort: order,
    scale: { domain: order, paddingInner: 0.25, paddingOuter: 0.15 },
    title: null,
    axis: { domain: false, ticks: false, labelPadding: 8, labelLimit: 260 },
  };
  const color = requestColours([...bars, ...answers].map(({ request }) => request));
  return {
    width,
    height: order.length * rowHeight,
    title: data.title,
    layer: [
      ...barLayers(bars, x, y, color),
      {
        data: { values: answers },
        mark: { type: "point", shape: "diamond", filled: true, size: 80, opacity: 1 },
        encoding: { x, y, color },
      },
      ...(marks.length === 0 ? [] : markLayers(marks, x)),
    ],
    config: { view: { stroke: null } },
  };
}

type Layers = Extract<TopLevelSpec, { layer: unknown }>["layer"];

function barLayers(bars: readonly Bar[], x: object, y: object, color: object): Layers {
  const used = Object.values(doings).filter((name) => bars.some(({ doing }) => doing === name));
  return [
    {
      data: { values: [...bars] },
      mark: { type: "bar", cornerRadius: 2, clip: true, stroke: "white", strokeWidth: 0.5 },
      encoding: {
        x: { ...x, field: "start", type: "quantitative" },
        x2: { field: "end" },
        y,
        color,
        opacity: {
          field: "doing",
          type: "ordinal",
          sort: used,
          scale: { type: "ordinal", domain: used, range: used.map(opacityOf) },
          legend:
            used.length < 2 ? null : { ...legend, title: "device or link", symbolType: "square" },
        },
      },
    },
    {
      data: { values: bars.filter(hasRoom) },
      mark: { type: "text", fontSize: 11, clip: true },
      encoding: {
        x: { ...x, field: "middle", type: "quantitative" },
        y,
        text: { field: "request" },
        color: { field: "ink", type: "nominal", scale: null },
      },
    },
  ];
}

/** More colours than one can tell apart say nothing, and a legend of none spoils the picture. */
function requestColours(requests: readonly number[]): object {
  const domain = [...new Set(requests)].sort((a, b) => a - b);
  return {
    field: "request",
    type: "ordinal",
    scale: { domain, range: domain.map(colourOf) },
    legend:
      domain.length === 0 || domain.length > colours.length
        ? null
        : { ...legend, title: "request" },
  };
}

function markLayers(
  marks: readonly { readonly at: number; readonly text: string }[],
  x: object,
): Layers {
  const values = [...marks];
  const at = { ...x, type: "quantitative" } as const;
  return [
    {
      data: { values },
      mark: { type: "rule", color: "#b22222", strokeDash: [4, 3] },
      encoding: { x: at },
    },
    {
      data: { values },
      mark: { type: "text", align: "left", dx: 4, y: -4, color: "#b22222", fontSize: 11 },
      encoding: { x: at, text: { field: "text" } },
    },
  ];
}

interface Unit {
  readonly name: string;
  readonly seconds: number;
}

function unitOf(seconds: number): Unit {
  if (seconds >= 2) return { name: "s", seconds: 1 };
  return seconds >= 2e-3 ? { name: "ms", seconds: 1e-3 } : { name: "us", seconds: 1e-6 };
}

interface Bar {
  readonly row: string;
  readonly request: number;
  readonly doing: string;
  /** In the unit of the axis. */
  readonly start: number;
  readonly end: number;
  readonly middle: number;
  /** Of the width of the chart. */
  readonly share: number;
  /** Colour of its figure. */
  readonly ink: string;
}

/** Whether the number of the request fits into the bar. */
function hasRoom({ request, share }: Bar): boolean {
  return share * width >= String(request).length * figureWidth + figureMargin;
}

function barOf(span: Span, { rows, windowSeconds: [from, to] }: GanttData, unit: Unit): Bar {
  const start = Math.max(span.startSeconds, from);
  const end = Math.min(span.endSeconds, to);
  return {
    row: rows.get(span.server) ?? "",
    request: span.request + 1,
    doing: doings[span.type],
    start: start / unit.seconds,
    end: end / unit.seconds,
    middle: (start + end) / 2 / unit.seconds,
    share: (end - start) / (to - from),
    ink: span.type === "compute" && !pale.has(colourOf(span.request + 1)) ? "white" : "#333333",
  };
}

/** The ten of Tableau: neighbours are easy to tell apart. */
const colours = [
  "#4e79a7",
  "#f28e2b",
  "#59a14f",
  "#e15759",
  "#76b7b2",
  "#b07aa1",
  "#9c755f",
  "#edc948",
  "#ff9da7",
  "#86807d",
] as const;

/** Those on which white cannot be read. */
const pale: ReadonlySet<string> = new Set(["#f28e2b", "#76b7b2", "#edc948", "#ff9da7"]);

function colourOf(request: number): string {
  return colours[(request - 1) % colours.length] as string;
}

function opacityOf(doing: string): number {
  if (doing === doings.compute) return 1;
  return doing === doings.wire ? 0.6 : 0.35;
}
