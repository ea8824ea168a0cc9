import { expect, test } from "vitest";
import { modelledProfile } from "../../../test/fixtures/modelled-profile.ts";
import { seconds } from "../../base/units.ts";
import type { StudyHost } from "../study.ts";
import { type GroupCell, groupCell, reference } from "./group-cells.ts";
import { groupHeadlines } from "./headlines.ts";
import { outcomesAgainst, ratiosOf } from "./outcomes.ts";
import { scalingCell, unequalCell } from "./scaling-cells.ts";

const host = {
  clock: { now: () => seconds(0), sleep: () => Promise.resolve() },
  quick: true,
  guests: [],
} as unknown as StudyHost;

function cellOf(periods: GroupCell["periods"]): GroupCell {
  const where = { type: "groups", network: "N", devices: 3, megabitsPerSecond: 20 } as const;
  return { ...where, speeds: [], periods, decisionSeconds: {}, bounds: [], referenceBounds: [] };
}

test("wins, ties and losses count draws in which both have a plan", () => {
  const cell = cellOf({ [reference]: [1, 1, 1, null], pipedge: [1.5, 1, 0.5, 1] });
  expect(outcomesAgainst([cell], "pipedge")).toEqual({ wins: 1, ties: 1, losses: 1 });
  expect(ratiosOf([cell], "pipedge")).toEqual([1.5, 1, 0.5]);
  expect(ratiosOf([cell], "nobody")).toEqual([]);
});

test("no method beats the best of all on unequal devices, and it gains over the best single one", () => {
  const asked = { devices: 3, megabitsPerSecond: 100, draws: 2, limitSeconds: 60 };
  const cell = groupCell(host, modelledProfile("alexnet"), asked);
  for (const method of Object.keys(cell.periods)) {
    expect(outcomesAgainst([cell], method).losses, method).toBe(0);
  }
  expect(cell.periods["single"]).toHaveLength(2);
  expect(outcomesAgainst([cell], "single").wins).toBeGreaterThan(0);
});

test("one device has its own throughput, four equal ones more, and none more than four times", () => {
  const profile = modelledProfile("squeezenet");
  const where = { megabitsPerSecond: 1000, limitSeconds: 60 };
  const one = scalingCell(host, profile, { ...where, devices: 1 });
  const four = scalingCell(host, profile, { ...where, devices: 4 });
  expect(one.pipedge).toBe(one.single);
  expect(four.single / four.pipedge).toBeGreaterThan(1.5);
  expect(four.single / four.pipedge).toBeLessThanOrEqual(4);
  expect(four.exact).toBeLessThanOrEqual(four.pipedge * (1 + 1e-9));
});

test("a plan for the mean speed is no better than one for the true speeds, and headlines say by how much", () => {
  const profile = modelledProfile("squeezenet");
  const unequal = unequalCell(host, profile, {
    megabitsPerSecond: 1000,
    draws: 2,
    limitSeconds: 2,
  });
  unequal.assumedEqual.forEach((value, draw) => {
    expect(value).toBeGreaterThanOrEqual((unequal.pipedge[draw] as number) * (1 - 1e-9));
  });
  const where = { type: "scaling", devices: 16, megabitsPerSecond: 100, pieces: 24 } as const;
  const scaling = { ...where, pipedge: 1, exact: 1, guests: {} };
  const groups = cellOf({
    single: [4, 4],
    pipedge: [2, 2],
    pso: [1, 2],
    "exact-groups": [1, 2],
    exact: [2, 1],
    [reference]: [1, 1],
  });
  const [vision, language, , swarm] = groupHeadlines(
    [groups],
    [
      { ...scaling, network: "vit-tiny", single: 12 },
      { ...scaling, network: "bert", single: 12 },
    ],
    [unequal],
  );
  expect(vision).toMatchObject({ measured: "12.00x", verdict: "reproduced" });
  expect(language).toMatchObject({ measured: "12.00x", verdict: "not reproduced" });
  expect(swarm).toMatchObject({ measured: "41.4 % more throughput", verdict: "reproduced" });
  expect(swarm?.remark).toContain("wins in 1 draws and loses in 1 of 2");
  expect(swarm?.remark).toContain("is better in 1 and equal in 1 draws");
});
