import type { TopLevelSpec } from "vega-lite";

/** A drawing is quiet: no background grid louder than its data, one typeface, readable at 1:1. */
const style = {
  background: "white",
  font: "sans-serif",
  axis: { labelFontSize: 12, titleFontSize: 12, gridColor: "#e8e8e8" },
  legend: { labelFontSize: 12, titleFontSize: 12 },
  title: { fontSize: 14, anchor: "start" },
} as const;

/**
 * Draws a chart.
 *
 * @param spec of Vega-Lite, with its data inside
 * @returns SVG
 */
export async function drawChart(spec: TopLevelSpec): Promise<string> {
  // Hundreds of files, of which most commands need none.
  const [{ parse, View }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const { spec: compiled } = compile({ ...spec, config: { ...style, ...spec.config } });
  const view = new View(parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}
