import { expect, test } from "vitest";
import type { Span } from "../../sim/pipeline.ts";
import { drawChart } from "./chart.ts";
import { type GanttData, ganttChart } from "./gantt.ts";

const span = (server: number, request: number, startSeconds: number, endSeconds: number): Span => ({
  server,
  request,
  type: server === 0 ? "compute" : "wire",
  stage: server === 0 ? 0 : -1,
  tensors: server === 0 ? [] : [1],
  link: server === 0 ? -1 : 0,
  startSeconds,
  endSeconds,
});

const data: GanttData = {
  title: "Two requests",
  rows: new Map([
    [0, "camera"],
    [3, "camera → cloud"],
  ]),
  spans: [span(0, 0, 0, 1), span(3, 0, 1, 2), span(0, 1, 1, 2), span(3, 1, 8, 9)],
  answers: [
    { request: 0, seconds: 2 },
    { request: 1, seconds: 9 },
  ],
  windowSeconds: [0, 4],
  marks: [
    { seconds: 3, text: "cloud is lost" },
    { seconds: 7, text: "later" },
  ],
};

test("draws a row for each device and link, a bar for each thing done, and what happens", async () => {
  const svg = await drawChart(ganttChart(data));
  for (const text of [
    "Two requests",
    "camera",
    "camera → cloud",
    "answered",
    "time, s",
    "1",
    "2",
  ]) {
    expect(svg).toContain(`>${text}<`);
  }
  expect(svg).toContain(">cloud is lost<");
  expect(svg.match(/aria-roledescription="bar"/g)).toHaveLength(3);
});

test("leaves out what is outside of its window", async () => {
  const svg = await drawChart(ganttChart(data));
  expect(svg).not.toContain(">later<");
  const late = await drawChart(ganttChart({ ...data, windowSeconds: [8.25, 8.75] }));
  expect(late).toContain(">time, ms<");
  expect(late.match(/aria-roledescription="bar"/g)).toHaveLength(1);
});

test("shows no legend of more requests than there are colours", async () => {
  const many = Array.from({ length: 12 }, (_, request) =>
    span(0, request, request / 4, (request + 1) / 4),
  );
  expect(await drawChart(ganttChart({ ...data, spans: many }))).not.toContain(">request<");
  expect(await drawChart(ganttChart(data))).toContain(">request<");
  const none = { ...data, spans: [], answers: [] };
  expect(await drawChart(ganttChart(none))).not.toContain(">request<");
});
