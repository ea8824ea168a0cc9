import { expect, test } from "vitest";
import { runStudy } from "../../test/fixtures/run-study.ts";
import { random } from "../plan/planners/random.ts";
import type { PairCell } from "./two-devices/cells.ts";
import { pairHeadlines } from "./two-devices/headlines.ts";
import { gainOf } from "./two-devices/tables.ts";
import { twoDevices } from "./two-devices.ts";

const report = await runStudy(twoDevices, { guests: [random] });
const cells = report.cells as readonly PairCell[];

test("nobody is below the bound, and auto is never above anybody", () => {
  expect(cells.length).toBe(3 * 5 * 2 * 2);
  for (const { bestSingle, deviceOnly, serverOnly, values, bound } of cells) {
    expect(bestSingle).toBe(Math.min(deviceOnly, serverOnly));
    expect(values["single"]).toBe(bestSingle);
    for (const value of Object.values(values)) {
      expect(value).toBeGreaterThanOrEqual(bound * (1 - 1e-5));
      expect(values["auto"]).toBeLessThanOrEqual(value * (1 + 1e-5));
    }
  }
});

test("the best single device is the device on a slow link and the server on a fast one", () => {
  const [slow, fast] = [1e5, 1e9].map((rate) =>
    cells.filter(
      ({ bandwidthBitsPerSecond, input }) => bandwidthBitsPerSecond === rate && input === "float32",
    ),
  );
  for (const cell of slow ?? []) expect(cell.bestSingle).toBe(cell.deviceOnly);
  for (const cell of fast ?? []) expect(cell.bestSingle).toBe(cell.serverOnly);
});

test("tables have a text for each column, and the guest stands in them", () => {
  for (const { columns, rows } of report.tables) {
    for (const row of rows) expect(row).toHaveLength(columns.length);
  }
  const regrets = report.tables.find(({ title }) => title.startsWith("Regret"));
  expect(regrets?.rows.filter(([, planner]) => planner === "random")).toHaveLength(2);
});

test("a headline counts as reproduced if a cell reaches it, and names that cell", () => {
  const [cell] = cells.filter(
    ({ objective, input }) => objective === "latency" && input === "jpeg",
  );
  const made = (server: number): PairCell => ({
    ...(cell as PairCell),
    bandwidthBitsPerSecond: 1e7,
    deviceOnly: 6,
    serverOnly: server,
    bestSingle: Math.min(6, server),
    values: { dads: 2, exact: 2 },
    bound: 2,
  });
  const headlines = pairHeadlines([made(4), made(20)]);
  expect(headlines.map(({ verdict, measured }) => [verdict, measured])).toEqual([
    ["not reproduced", "3.00x"],
    ["reproduced", "10.0x"],
  ]);
  expect(headlines[1]?.cell).toContain("jpeg input");
  expect(headlines[1]?.remark).toContain("against the best single device median 2.50x");
  const whole = { ...made(20), bestSingle: 2.1, deviceOnly: 2.1 };
  expect(pairHeadlines([whole])[1]).toMatchObject({ verdict: "trivial", measured: "10.0x" });
  const other = pairHeadlines([made(4), { ...made(20), network: "vit-tiny" }])[1];
  expect(other).toMatchObject({ verdict: "not reproduced", measured: "2.00x" });
  expect(other?.remark).toContain("transformers, which are no work of that kind");
  const slow = { ...made(20), bandwidthBitsPerSecond: 1e5 };
  expect(pairHeadlines([slow])).toEqual([]);
  expect([made(4), made(20)].map(gainOf)).toEqual([2, 3]);
});
