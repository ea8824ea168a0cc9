import { expect, test } from "vitest";
import { runStudy } from "../../test/fixtures/run-study.ts";
import type { Cell } from "./without-benchmarks/cell.ts";
import { regretsOf, savingOf } from "./without-benchmarks/tables.ts";
import { withoutBenchmarks } from "./without-benchmarks.ts";

const found = await runStudy(withoutBenchmarks);
const cells = found.cells as readonly Cell[];

test("the planner breaks no budget, the latency-only benchmark does", () => {
  const broken = (method: string): number =>
    cells.filter(({ outcomes }) => (outcomes[method]?.breaks ?? null) !== null).length;
  expect(broken("resource-aware")).toBe(0);
  expect(broken("resource-aware-weighted")).toBe(0);
  expect(broken("within budgets")).toBe(0);
  expect(broken("device-only")).toBeGreaterThan(cells.length / 5);
  expect(broken("true")).toBeGreaterThan(0);
});

test("nothing that keeps the budgets is faster than the exact plan, no cut than the best cut", () => {
  for (const { outcomes, ...setting } of cells) {
    for (const [method, outcome] of Object.entries(outcomes)) {
      if (outcome === null || outcome.breaks !== null) continue;
      const where = `${method}: ${JSON.stringify(setting)}`;
      const exact = outcomes["exact"]?.latencySeconds ?? 0;
      expect(outcome.latencySeconds, where).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      if (method === "exact") continue;
      const best = outcomes["within budgets"]?.latencySeconds ?? 0;
      expect(outcome.latencySeconds, where).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    }
  }
});

test("at the benchmarked bandwidth a stale benchmark is none, and saves nothing against itself", () => {
  const fresh = cells.filter(({ megabits }) => megabits === 50);
  expect(fresh.length).toBeGreaterThan(0);
  for (const cell of fresh) {
    expect(cell.outcomes["stale"]?.latencySeconds).toBe(cell.outcomes["true"]?.latencySeconds);
    expect(savingOf(cell, "true", "latencySeconds")).toBe(0);
  }
});

test("regret and gains are counted for plans that keep the budgets, reasons are kept for the others", () => {
  const broken = cells.filter(({ outcomes }) => (outcomes["guest"]?.breaks ?? null) !== null);
  expect(broken.length).toBeGreaterThan(0);
  const counted = regretsOf(cells, "guest", "within budgets").map(({ cell }) => cell);
  expect(counted.filter((cell) => broken.includes(cell))).toEqual([]);
  for (const { outcomes, refused } of cells) {
    const without = Object.keys(outcomes).filter((method) => outcomes[method] === null);
    expect(Object.keys(refused)).toEqual(expect.arrayContaining(without));
  }
  const figures =
    /keeps the budgets in (\d+) of (\d+) cells.* does in (\d+), .* was nothing to gain/;
  const [, kept, all, gained] = figures.exec(found.findings.join("\n")) ?? [];
  expect(Number(all)).toBe(cells.length);
  expect(Number(gained)).toBeLessThanOrEqual(Number(kept));
});

test("tables are whole, guests stand in them, both readings of the headline are there", () => {
  for (const { columns, rows } of found.tables) {
    for (const row of rows) expect(row).toHaveLength(columns.length);
  }
  const [budgets, regret] = found.tables;
  expect(budgets?.rows.map(([method]) => method)).toContain("guest");
  expect(regret?.rows.filter(([planner]) => planner === "guest")).toHaveLength(5);
  expect(found.headlines.map(({ measured }) => measured)).toEqual([
    expect.stringContaining("less latency"),
    expect.stringContaining("less bytes"),
  ]);
  expect(found.headlines.map(({ verdict }) => verdict)).not.toContain("reproduced");
  expect(found.findings.join("\n")).not.toMatch(/NaN|Infinity|undefined/);
});
