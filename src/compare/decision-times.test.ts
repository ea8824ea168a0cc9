import { expect, test } from "vitest";
import { modelledProfile } from "../../test/fixtures/modelled-profile.ts";
import { seconds } from "../base/units.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import { single } from "../plan/planners/single.ts";
import { type CaseResult, methodNames } from "./decision-times/case.ts";
import { decisionTimes } from "./decision-times.ts";
import type { StudyHost, StudyReport } from "./study.ts";

/** Whoever looks finds that a millisecond has passed. */
let looks = 0;
const host: StudyHost = {
  clock: { now: () => seconds(looks++ / 1e3), sleep: () => Promise.resolve() },
  solver: await loadHighsSolver(),
  quick: true,
  profileOf: modelledProfile,
  readFigures: () => "",
  guests: [{ ...single, name: "guest" }],
};

const report = runQuickly();
const results = report.cells.filter((cell): cell is CaseResult => "cells" in cell);

test("every method decides for a best one-way placement, or a better one", () => {
  expect(results.length).toBe(4 * 2 * 2);
  for (const { network, cells } of results) {
    expect(cells.length, network).toBe(5 * 2);
    for (const { gaps, oneWaySeconds, exactSeconds, bestSingleSeconds } of cells) {
      expect(exactSeconds).toBeLessThanOrEqual(oneWaySeconds * (1 + 1e-9));
      expect(oneWaySeconds).toBeLessThanOrEqual(bestSingleSeconds * (1 + 1e-9));
      for (const method of methodNames) {
        expect(gaps[method], `${network}, ${method}`).toBeLessThan(1e-9);
        if (method !== "envelope") expect(gaps[method]).toBeGreaterThan(-1e-9);
      }
    }
  }
});

test("every cut and decision was timed", () => {
  for (const { cells, offline } of results) {
    for (const cell of cells) {
      for (const method of methodNames) expect(cell.seconds[method]).toBeGreaterThan(0);
    }
    for (const spent of Object.values(offline)) expect(spent).toBeGreaterThan(0);
  }
});

test("tables have a text for each column, and the guest stands among the planners", () => {
  for (const { columns, rows } of report.tables) {
    for (const row of rows) expect(row).toHaveLength(columns.length);
  }
  expect(report.tables.at(-1)?.rows.map(([planner]) => planner)).toContain("guest");
});

test("the headline is read in two ways, and lists all networks", () => {
  expect(report.headlines).toHaveLength(2);
  for (const { remark, verdict } of report.headlines) {
    for (const network of ["alexnet", "googlenet", "mobilenetv2", "resnet50"]) {
      expect(remark).toContain(network);
    }
    // On this clock everything takes as long.
    expect(verdict).toBe("not reproduced");
  }
});

function runQuickly(): StudyReport {
  const steps = decisionTimes.run(host);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
