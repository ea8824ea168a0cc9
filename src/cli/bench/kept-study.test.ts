import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keptStudy, linesOfJson, readSummary } from "./kept-study.ts";

const origin = { command: "partita bench planners", machine: "here", measuredOn: ["there"] };
const report = {
  name: "small",
  title: "Small",
  setting: ["Two cells."],
  tables: [],
  charts: [{ suffix: "", caption: "A map", spec: { mark: "rect" } }],
  headlines: [],
  findings: ["Nothing was found."],
  cells: [{ network: "alexnet" }, { network: "vgg16" }],
};

const withoutFractions = fc.jsonValue().filter((value) => !/\d\.\d|e-/.test(JSON.stringify(value)));

test("JSON by lines is the same JSON, fractions to six digits", () => {
  expect(JSON.parse(linesOfJson({ cells: [1 / 3, 12_345_678] }))).toEqual({
    cells: [0.333333, 12_345_678],
  });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), withoutFractions), (document) => {
      const plain = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
      expect(JSON.parse(linesOfJson(plain))).toEqual(plain);
    }),
  );
});

test("a report is kept with a line for each cell and without drawings, and read for the index", async () => {
  const kept = keptStudy(origin, report);
  expect(kept).toMatchObject({ ...origin, charts: [{ suffix: "", caption: "A map" }] });
  const lines = linesOfJson(kept).split("\n");
  expect(lines).toContain('  {"network":"vgg16"}');
  const folder = mkdtempSync(join(tmpdir(), "partita-kept-"));
  try {
    writeFileSync(join(folder, "planners-small.json"), lines.join("\n"));
    writeFileSync(join(folder, "planners-broken.json"), "{");
    expect(await readSummary(folder, "small")).toEqual({
      title: "Small",
      command: origin.command,
      machine: "here",
      page: "planners-small.md",
      findings: report.findings,
      headlines: [],
    });
    expect(await readSummary(folder, "broken")).toBeNull();
    expect(await readSummary(folder, "absent")).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
