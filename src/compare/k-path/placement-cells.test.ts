import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { pipedge } from "../../plan/planners/pipedge.ts";
import { readKpathChain } from "../kpath-chain.ts";
import type { StudyHost } from "../study.ts";
import { wifiRate } from "../wifi-topology.ts";
import { placementCell } from "./placement-cells.ts";
import { publishedFile, readPublished } from "./published.ts";
import { known, meanOf } from "./ratios.ts";

const figures = (path: string): string => readFileSync(`bench/data/${path}`, "utf8");
const host = {
  clock: { now: () => seconds(0), sleep: () => Promise.resolve() },
  quick: true,
  guests: [],
} as unknown as StudyHost;

function cellOf(model: string, capMebibytes: number, devices: number, topologies: number) {
  const chain = readKpathChain(figures(`kpath/${model}.json`), model);
  return placementCell(host, chain, { capMebibytes, devices, topologies });
}

const { rows } = readPublished(figures(publishedFile));

test.each(
  rows.filter(({ model, capMebibytes }) =>
    ["MobileNetV2 64", "EfficientNetB1 128", "ResNet50 128", "InceptionResNetV2 256"].includes(
      `${model} ${capMebibytes}`,
    ),
  ),
)(
  "two parts of $model below $capMebibytes MiB: all methods alike, near the published mean",
  (row) => {
    const cell = cellOf(row.model, row.capMebibytes, 20, 25);
    expect(cell?.parts).toBe(2);
    if (cell === null) return;
    for (const values of Object.values(cell.methods)) {
      values.forEach((value, topology) => {
        expect(value).toBeCloseTo(cell.exact[topology] as number, 9);
      });
    }
    const published = row.seconds.find(({ devices }) => devices === 20)?.kpath20 as number;
    const mean = meanOf(known(cell.methods["kpath-published"] ?? []));
    expect(Math.abs(mean / published - 1)).toBeLessThan(0.1);
    expect(meanOf(cell.random)).toBeGreaterThan(2 * mean);
  },
);

test("no method beats the exact placement of seven parts, and that not the bound", () => {
  const cell = cellOf("InceptionResNetV2", 64, 10, 6);
  expect(cell?.parts).toBe(7);
  if (cell === null) return;
  for (const values of Object.values(cell.methods)) {
    values.forEach((value, topology) => {
      expect(value).toBeGreaterThanOrEqual((cell.exact[topology] as number) * (1 - 1e-9));
    });
  }
  cell.exact.forEach((value, topology) => {
    expect(value).toBeGreaterThanOrEqual((cell.bound[topology] as number) * (1 - 1e-9));
  });
});

test("the exact placement of few parts is also that of the programme over sets of devices", () => {
  const chain = readKpathChain(figures("kpath/ResNet50.json"), "ResNet50");
  const asked = { capMebibytes: 64, devices: 6, topologies: 5 };
  const cell = placementCell({ ...host, guests: [pipedge] }, chain, asked);
  expect(cell?.methods["pipedge"]).toEqual(cell?.exact);
});

test("networks of one part, and of more parts than devices, are no cells", () => {
  expect(cellOf("ResNet50", 512, 5, 1)).toBeNull();
  expect(cellOf("InceptionResNetV2", 64, 5, 1)).toBeNull();
});

test("rates are those of the published topologies", () => {
  expect(wifiRate(149 * Math.SQRT2) / 1e6).toBeCloseTo(2.88, 1);
});
