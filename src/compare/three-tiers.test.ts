import { expect, test } from "vitest";
import { runStudy } from "../../test/fixtures/run-study.ts";
import { createRandom } from "../base/random.ts";
import { bestOf, type TierCell } from "./three-tiers/cells.ts";
import type { Decision, DynamicStep } from "./three-tiers/dynamic.ts";
import { linkSets, tierTopology } from "./three-tiers/setting.ts";
import { randomWalk, walkBox } from "./three-tiers/walk.ts";
import { threeTiers } from "./three-tiers.ts";

const found = await runStudy(threeTiers);
const cells = found.cells.filter((cell) => "outcomes" in cell) as TierCell[];
const walked = found.cells.filter((cell) => "decisions" in cell) as DynamicStep[];

test("exact is the best of all in every cell, and proves it", () => {
  expect(cells.length).toBeGreaterThan(0);
  for (const cell of cells) {
    const exact = cell.outcomes["exact"]?.latencySeconds ?? Number.NaN;
    expect(exact).toBeCloseTo(bestOf(cell), 9);
    expect(cell.bound).toBeCloseTo(exact, 9);
    expect(cell.bestSingle).toBeGreaterThanOrEqual(exact);
  }
});

test("a single tier uses no other, and all but the cloud send nothing there", () => {
  for (const { outcomes } of cells) {
    for (const tier of ["device", "edge", "cloud"]) expect(outcomes[tier]?.tiers).toEqual([tier]);
    expect(outcomes["edge"]?.backboneBytes).toBe(0);
    expect(outcomes["dads device–edge"]?.backboneBytes).toBe(0);
    expect(outcomes["cloud"]?.backboneBytes).toBeGreaterThan(0);
  }
});

test("a guest stands in the tables beside the others", () => {
  expect(found.tables[0]?.rows.map(([method]) => method)).toContain("guest");
  expect(cells.every(({ outcomes }) => outcomes["guest"] !== undefined)).toBe(true);
});

test("nobody beats exact while links and loads change, the envelope stays with it", () => {
  expect(walked.length).toBe(120);
  for (const step of walked) {
    const exact = latencyOf(step, "exact");
    for (const { latencySeconds } of step.decisions) {
      expect(latencySeconds).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
    }
    expect(latencyOf(step, "envelope")).toBeLessThanOrEqual(exact * 1.001);
  }
});

test("without a drift nothing is touched", () => {
  const still = walked.filter(({ drift }) => drift === null);
  expect(still.length).toBeGreaterThan(0);
  expect(still.map((step) => decisionOf(step, "d3 local").touched)).toEqual(still.map(() => 0));
});

test("every published headline has a verdict, a cell and a median beside it", () => {
  expect(found.headlines.length).toBeGreaterThan(3);
  for (const { measured, verdict, remark, cell } of found.headlines) {
    expect(measured).not.toContain("NaN");
    expect(remark).toContain("median over");
    expect(cell).toContain("input");
    const ratio = Number.parseFloat(measured);
    if (measured.endsWith("x")) expect(verdict !== "not reproduced").toBe(ratio >= 3.4);
    else expect([verdict, measured]).toEqual(["trivial", expect.stringContaining("nothing sent")]);
  }
});

test("a walk keeps to its ranges and begins where nothing has changed", () => {
  const [links] = linkSets;
  if (links === undefined) throw new Error("no link sets");
  const box = walkBox(tierTopology(links, {}));
  const walk = randomWalk(box, createRandom(3));
  const steps = Array.from({ length: 500 }, () => walk.next().value as number[]);
  const first = [84.95e6, 31.53e6, 1, 1];
  steps[0]?.forEach((value, position) => {
    expect(value).toBeCloseTo(first[position] as number, 0);
  });
  for (const [position, { least, most }] of box.entries()) {
    const values = steps.map((step) => step[position] as number);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...values)).toBeLessThanOrEqual(most);
    expect(Math.max(...values) / Math.min(...values)).toBeGreaterThan(2);
  }
});

function decisionOf({ decisions }: DynamicStep, name: string): Decision {
  const decision = decisions.find(({ decider }) => decider === name);
  if (decision === undefined) throw new Error(`no decision of ${name}`);
  return decision;
}

function latencyOf(step: DynamicStep, name: string): number {
  return decisionOf(step, name).latencySeconds;
}
