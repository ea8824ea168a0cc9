import { expect, test } from "vitest";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import { problemOf } from "../../../test/fixtures/sketch.ts";
import type { Plan } from "../../plan/plan.ts";
import { dotToSvg, planToDot } from "./dot.ts";

/** A chain of nodes, half of them on each of two devices. */
function chainOf(count: number) {
  const names = Array.from({ length: count }, (_, position) => `n${position}`);
  const problem = problemOf({
    inputs: { 'x"\\': 8 },
    nodes: names.map((name, position) => ({
      name,
      reads: [names[position - 1] ?? 'x"\\'],
      bytes: 4,
      seconds: [1, 1],
    })),
    outputs: [names.at(-1) ?? ""],
    devices: [{ name: "camera" }, { name: "cloud" }],
    links: [{ from: "camera", to: "cloud", secondsPerByte: 1 }],
  });
  const places = names.map((_, position) => (position < count / 2 ? "camera" : "cloud"));
  return { problem, plan: planOf(problem, places) as Plan };
}

test("draws every node in the box of its stage, and marks what crosses", () => {
  const { problem, plan } = chainOf(4);
  const dot = planToDot(plan, problem);
  expect(dot.match(/subgraph "cluster_s\d"/g)).toHaveLength(2);
  expect(dot).toContain('"node n1" -> "node n2" [label="4 B"');
  expect(dot).toContain('"node n2" -> "node n3";');
});

test("draws stages only where nodes are too many to be read", () => {
  const { problem, plan } = chainOf(200);
  const dot = planToDot(plan, problem);
  expect(dot).not.toContain("subgraph");
  expect(dot).toContain('"stage s0" -> "stage s1" [label="n99\\n4 B"]');
});

test("renders names with quotes and backslashes", async () => {
  const { problem, plan } = chainOf(2);
  const svg = await dotToSvg(planToDot(plan, problem));
  expect(svg).toContain("x&quot;\\");
});
