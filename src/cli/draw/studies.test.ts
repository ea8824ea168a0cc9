import { expect, test } from "vitest";
import { barChart, heatMap, lineChart } from "../../compare/charts.ts";
import { drawChart } from "./chart.ts";

const panels = {};

/** Texts of a drawing in the order of appearance. */
async function textsOf(spec: Readonly<Record<string, unknown>>): Promise<string[]> {
  const svg = await drawChart(spec as unknown as Parameters<typeof drawChart>[0]);
  return [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text ?? "");
}

test("a heat map keeps the order of its columns, rows and panels, and empty cells", async () => {
  const cells = ["server 3x", "server 10x"].flatMap((panel) =>
    ["0.1", "1", "10"].map((x) => ({
      x,
      y: "alexnet",
      panel,
      value: x === "0.1" ? null : Number(x),
      text: x === "0.1" ? "none" : `${x}x`,
    })),
  );
  const colour = { title: "gain", scale: "log" } as const;
  const texts = await textsOf(
    heatMap({ title: "Map", subtitle: "small", panels, cells, xTitle: "rate", yTitle: "", colour }),
  );
  expect(texts).toEqual(expect.arrayContaining(["Map", "small", "rate", "alexnet", "gain"]));
  expect(texts.filter((text) => text.startsWith("server"))).toEqual(["server 3x", "server 10x"]);
  expect(texts.filter((text) => text === "none" || text.endsWith("x")).slice(-6)).toEqual(
    expect.arrayContaining(["none", "1x", "10x"]),
  );
  expect(texts.indexOf("0.1")).toBeLessThan(texts.indexOf("10"));
});

test("lines are told apart by colour and dashes, over logarithms", async () => {
  const points = ["exact", "single"].flatMap((series) =>
    ["latency", "throughput"].flatMap((dash) =>
      [1, 100].map((x) => ({ x, y: x + 1, series, dash })),
    ),
  );
  const log = { title: "rate", scale: "log" } as const;
  const texts = await textsOf(
    lineChart({ title: "Lines", points, x: log, y: log, seriesTitle: "who", dashTitle: "what" }),
  );
  for (const text of ["Lines", "who", "exact", "single", "what", "latency", "throughput"]) {
    expect(texts).toContain(text);
  }
});

test("bars lie below their category, with a text at the end", async () => {
  const bars = ["exact", "single"].map((series, at) => ({
    category: "vgg16",
    series,
    value: at + 1,
    text: `${at + 1}.0x`,
    panel: "latency",
  }));
  const axis = { title: "ratio", scale: "log", domain: [0.5, 4] } as const;
  const texts = await textsOf(
    barChart({
      title: "Bars",
      panels,
      bars,
      value: axis,
      categoryTitle: "network",
      seriesTitle: "who",
    }),
  );
  for (const text of ["vgg16", "exact", "single", "1.0x", "2.0x", "latency", "ratio", "network"]) {
    expect(texts).toContain(text);
  }
});
