/**
 * Charts that studies share, as Vega-Lite with the data inside: maps, lines and bars.
 *
 * @module
 */
import type { StudyChart } from "./study.ts";

type Spec = StudyChart["spec"];

/** What all charts have. */
interface Frame {
  readonly title: string;
  readonly subtitle?: string;
  /** Panels side by side, one for each `panel` of the values, in order of appearance. */
  readonly panels?: { readonly title?: string; readonly columns?: number };
}

export interface HeatCell {
  readonly x: string;
  readonly y: string;
  /** `null`: an empty cell. */
  readonly value: number | null;
  /** Stands in the cell; default: none. */
  readonly text?: string;
  readonly panel?: string;
}

export interface HeatMap extends Frame {
  /** Rows and columns stand in order of appearance. */
  readonly cells: readonly HeatCell[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly colour: {
    readonly title: string;
    readonly domain?: readonly [number, number];
    readonly scale?: "linear" | "log";
    /** Of Vega; default `blues`: the more the darker. */
    readonly scheme?: string;
  };
  /** Whether each column has its name, which then must fit below it; default: those that fit. */
  readonly namesEveryColumn?: boolean;
  /** Pixels; default 34 x 22, which holds four characters. */
  readonly cell?: { readonly width: number; readonly height: number };
}

/** A rectangle for each pair of a column and a row, as dark as its value is large, with a text. */
export function heatMap(map: HeatMap): Spec {
  const { cells, colour, cell = { width: 34, height: 22 } } = map;
  const { scale = "linear", scheme = "blues" } = colour;
  const known = cells.flatMap(({ value }) => (value === null ? [] : [value]));
  const [low, high] = colour.domain ?? [Math.min(...known), Math.max(...known)];
  const share = (value: number): number =>
    scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const values = cells.map((one) => ({
    ...one,
    text: one.text ?? "",
    isDark: one.value !== null && share(one.value) > 0.55,
  }));
  const x = {
    field: "x",
    type: "ordinal",
    sort: distinct(cells.map((one) => one.x)),
    title: map.xTitle,
    axis: { labelAngle: 0, labelOverlap: map.namesEveryColumn !== true },
  };
  const rows = distinct(cells.map((one) => one.y));
  const y = { field: "y", type: "ordinal", sort: rows, title: map.yTitle };
  const color = {
    field: "value",
    type: "quantitative",
    title: colour.title,
    scale: { type: scale, scheme, domain: [low, high], clamp: true },
  };
  return framed(map, values, {
    width: { step: cell.width },
    height: { step: cell.height },
    layer: [
      {
        transform: [{ filter: { field: "value", valid: true } }],
        mark: { type: "rect", stroke: "white", strokeWidth: 1 },
        encoding: { x, y, color },
      },
      {
        transform: [{ filter: "datum.text !== ''" }],
        mark: { type: "text", fontSize: 10 },
        encoding: {
          x,
          y,
          text: { field: "text", type: "nominal" },
          color: { condition: { test: "datum.isDark", value: "white" }, value: "#333333" },
        },
      },
    ],
  });
}

/** How numbers are laid out along a side. */
export interface Axis {
  readonly title: string;
  readonly scale?: "linear" | "log";
  readonly domain?: readonly [number, number];
  /** Of d3-format; default: `~g` for logarithms. */
  readonly format?: string;
}

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** Told apart by colour. */
  readonly series: string;
  /** Told apart by dashes. */
  readonly dash?: string;
  readonly panel?: string;
}

export interface LineChart extends Frame {
  readonly points: readonly LinePoint[];
  readonly x: Axis;
  readonly y: Axis;
  readonly seriesTitle: string;
  readonly dashTitle?: string;
  /** Pixels of a panel; default 300 x 220. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** A line with points for each series; colours and dashes stand in order of appearance. */
export function lineChart(chart: LineChart): Spec {
  const { points, size = { width: 300, height: 220 } } = chart;
  const dashes = points.some(({ dash }) => dash !== undefined);
  const encoding = {
    x: numbers("x", chart.x),
    y: numbers("y", chart.y),
    color: seriesColour(chart.seriesTitle, points),
  };
  const strokeDash = {
    field: "dash",
    type: "nominal",
    sort: distinct(points.flatMap(({ dash }) => dash ?? [])),
    title: chart.dashTitle ?? null,
    legend: { symbolType: "stroke", symbolSize: 300 },
  };
  // Points stand in a layer of their own, without dashes: else the legend of dashes stays empty.
  return framed(chart, points, {
    ...size,
    layer: [
      {
        mark: { type: "line", strokeWidth: 1.5 },
        encoding: dashes ? { ...encoding, strokeDash } : encoding,
      },
      { mark: { type: "point", filled: true, opacity: 1, size: 30 }, encoding },
    ],
  });
}

export interface Bar {
  readonly category: string;
  readonly value: number;
  /** Bars of a category stand below one another, told apart by colour. */
  readonly series: string;
  /** Stands at the end of the bar; default: none. */
  readonly text?: string;
  readonly panel?: string;
}

export interface BarChart extends Frame {
  readonly bars: readonly Bar[];
  /** A logarithm has no zero: then give a domain, from which the bars start. */
  readonly value: Axis;
  readonly categoryTitle: string;
  readonly seriesTitle: string;
  /** Pixels along the values, of a panel; default 300. */
  readonly width?: number;
}

/** Lying bars, so that names are readable; categories and series stand in order of appearance. */
export function barChart(chart: BarChart): Spec {
  const { bars, width = 300 } = chart;
  const categories = distinct(bars.map(({ category }) => category));
  const y = { field: "category", type: "nominal", sort: categories, title: chart.categoryTitle };
  const series = distinct(bars.map((bar) => bar.series));
  const yOffset = { field: "series", type: "nominal", sort: series };
  const value = numbers("value", chart.value);
  const start = chart.value.scale === "log" ? (chart.value.domain?.[0] ?? 1) : 0;
  const values = bars.map((bar) => ({ ...bar, text: bar.text ?? "" }));
  return framed(chart, values, {
    width,
    height: { step: 14 },
    layer: [
      {
        mark: { type: "bar", clip: true },
        encoding: {
          y,
          yOffset,
          x: value,
          x2: { datum: start },
          color: seriesColour(chart.seriesTitle, bars),
        },
      },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 10 },
        encoding: { y, yOffset, x: value, text: { field: "text", type: "nominal" } },
      },
    ],
  });
}

function seriesColour(title: string, values: readonly { readonly series: string }[]): object {
  return {
    field: "series",
    type: "nominal",
    sort: distinct(values.map(({ series }) => series)),
    title,
    legend: { symbolType: "square", labelLimit: 300 },
    scale: { scheme: "tableau10" },
  };
}

function numbers(field: string, { title, scale = "linear", domain, format }: Axis): object {
  const shown = format ?? (scale === "log" ? "~g" : undefined);
  return {
    field,
    type: "quantitative",
    title,
    scale: {
      type: scale,
      ...(domain === undefined ? {} : { domain, nice: false }),
      ...(scale === "linear" && domain === undefined ? { zero: true } : {}),
    },
    axis: { tickCount: 6, ...(shown === undefined ? {} : { format: shown }) },
  };
}

/** The chart by itself, or once for each panel. */
function framed(
  { title, subtitle, panels }: Frame,
  values: readonly { readonly panel?: string }[],
  chart: Record<string, unknown>,
): Spec {
  const head = {
    title: { text: title, offset: 12, ...(subtitle === undefined ? {} : { subtitle }) },
    data: { values },
    // A description for each mark would be most of the file; the figures stand in the tables.
    config: { aria: false },
  };
  if (panels === undefined) return { ...head, ...chart };
  return {
    ...head,
    columns: panels.columns ?? 3,
    facet: {
      field: "panel",
      type: "nominal",
      sort: distinct(values.flatMap(({ panel }) => panel ?? [])),
      title: panels.title ?? null,
      header: { labelFontSize: 12, labelFontWeight: "bold" },
    },
    spec: chart,
  };
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)];
}
