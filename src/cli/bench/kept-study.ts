/**
 * Reports of studies as files: JSON with a line for each cell, read again for the index of all.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { StudyReport } from "../../compare/study.ts";
import { verdicts } from "../../compare/verdict.ts";
import type { StudyOrigin, StudySummary } from "../print/study.ts";

/** A report with what is plain data of it: charts without their drawings. */
export function keptStudy(origin: StudyOrigin, report: StudyReport): Record<string, unknown> {
  const { cells, charts, ...others } = report;
  return {
    ...origin,
    ...others,
    charts: charts.map(({ suffix, caption }) => ({ suffix, caption })),
    cells,
  };
}

/**
 * JSON with a line for each entry of each list, so that differences between runs are readable; fractions
 * with six significant digits.
 */
export function linesOfJson(document: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(document).map(([key, value]) => {
    const written =
      Array.isArray(value) && value.length > 0
        ? `[\n${value.map((entry) => `  ${JSON.stringify(entry, rounded)}`).join(",\n")}\n ]`
        : JSON.stringify(value, rounded);
    return ` ${JSON.stringify(key)}: ${written}`;
  });
  return `{\n${entries.join(",\n")}\n}\n`;
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(6))
    : value;
}

const keptSchema = z.object({
  title: z.string(),
  command: z.string(),
  machine: z.string(),
  findings: z.array(z.string()),
  headlines: z.array(
    z.object({
      system: z.string(),
      published: z.string(),
      publishedAgainst: z.string(),
      measured: z.string(),
      cell: z.string(),
      against: z.string(),
      verdict: z.enum(verdicts),
      remark: z.string(),
    }),
  ),
});

/** What a folder keeps of a study; `null` if it has no such file, or one of another form. */
export async function readSummary(folder: string, name: string): Promise<StudySummary | null> {
  try {
    const text = await readFile(join(folder, `planners-${name}.json`), "utf8");
    return { ...keptSchema.parse(JSON.parse(text)), page: `planners-${name}.md` };
  } catch {
    // An index of what is there says nothing of what is not.
    return null;
  }
}
