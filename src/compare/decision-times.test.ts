import { expect, test } from "vitest";
import { runStudy } from "../../test/fixtures/run-study.ts";
import { seconds } from "../base/units.ts";
import { type CaseResult, methodNames } from "./decision-times/case.ts";
import { decisionTimes } from "./decision-times.ts";

/** Whoever looks finds that a millisecond has passed. */
let looks = 0;
const report = await runStudy(decisionTimes, {
  clock: { now: () => seconds(looks++ / 1e3), sleep: () => Promise.resolve() },
});
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
