import { expect, test } from "vitest";
import { drawChart } from "./chart.ts";

test("draws a chart with its labels", async () => {
  const svg = await drawChart({
    title: "Growth",
    data: { values: [{ nodes: 100, seconds: 0.1 }] },
    mark: "point",
    encoding: {
      x: { field: "nodes", type: "quantitative", scale: { type: "log" } },
      y: { field: "seconds", type: "quantitative" },
    },
  });
  expect(svg).toMatch(/^<svg /);
  expect(svg).toContain("Growth");
  expect(svg).toContain("seconds");
});
