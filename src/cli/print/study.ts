import type { Headline, StudyReport } from "../../compare/study.ts";
import { trivialInWords } from "../../compare/verdict.ts";
import { guestFailureParts, type ProgramsOfStudy } from "./guest-failures.ts";
import { markdownTable } from "./markdown.ts";

/** How and where a study was made. */
export interface StudyOrigin {
  /** The very command, with its options. */
  readonly command: string;
  /** On which the planners ran. */
  readonly machine: string;
  /** On which the profiles were measured. */
  readonly measuredOn: readonly string[];
  /** Of the caller, if there were any. */
  readonly programs?: ProgramsOfStudy;
}

export interface StudyPage {
  readonly origin: StudyOrigin;
  readonly report: StudyReport;
  /** Files of the charts, in their order, relative to the page. */
  readonly charts: readonly string[];
}

/** What a study says in the index of all. */
export interface StudySummary {
  readonly title: string;
  readonly command: string;
  readonly machine: string;
  /** Relative to the index. */
  readonly page: string;
  readonly findings: readonly string[];
  readonly headlines: readonly Headline[];
}

const modelled =
  "Modelled: devices other than the measured machine are that machine times a stated factor, links carry their stated rate and nothing disturbs them, values are what the cost model says of each placement. Measured: node seconds and tensor sizes in the profiles, and the time that planners take.";

/** A study as one page: how it was made, what it found, charts, headlines, tables. */
export function studyMarkdown({ origin, report, charts }: StudyPage): string {
  const { title, setting, findings, headlines, tables } = report;
  const parts = [
    `# ${title}`,
    `    ${origin.command}`,
    `Planned on: ${origin.machine}. ${measuredOn(origin)} ${modelled}`,
    ...setting,
    bullets(findings),
    ...charts.map((file, at) => `![${report.charts[at]?.caption ?? ""}](${file})`),
    ...(headlines.length === 0
      ? []
      : [
          "## Published headlines",
          markdownTable(headlineColumns, headlines.map(headlineRow)),
          trivialInWords,
          bullets(headlines.map(remarkOf)),
        ]),
    ...tables.flatMap(({ title: head, columns, rows }) => [
      `## ${head}`,
      markdownTable(columns, rows),
    ]),
    ...(origin.programs === undefined ? [] : guestFailureParts(origin.programs)),
    `Every cell: [planners-${report.name}.json](planners-${report.name}.json).`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** All studies that are there: what each found, and every published headline in one table. */
export function studyIndexMarkdown(summaries: readonly StudySummary[]): string {
  const rows = summaries.flatMap(({ page, headlines }) =>
    headlines.map((headline) => [
      ...headlineRow(headline),
      `[remarks](${page}#published-headlines)`,
    ]),
  );
  const parts = [
    "# Planners compared",
    "Every method on the same work, with the proven optimum as the ruler. The command of each page stands above its tables; `partita bench planners` makes all of them. Seconds are of the machines named there; ratios travel better.",
    ...summaries.flatMap(({ title, page, command, machine, findings }) => [
      `## [${title}](${page})`,
      `    ${command}`,
      `Planned on: ${machine}.`,
      bullets(findings),
    ]),
    ...(rows.length === 0
      ? []
      : [
          "## Published headlines",
          markdownTable([...headlineColumns, { head: "why, and what differs" }], rows),
          trivialInWords,
        ]),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const headlineColumns = [
  "system",
  "published",
  "against, there",
  "measured here",
  "against, here",
  "cell",
  "verdict",
].map((head) => ({ head }));

function headlineRow(headline: Headline): string[] {
  const { system, published, publishedAgainst, measured, cell, against, verdict } = headline;
  return [system, published, publishedAgainst, measured, against, cell, verdict];
}

/** Too long for a table. */
function remarkOf({ system, published, against, verdict, remark }: Headline): string {
  return `**${system}, ${published}, against ${against}**: ${verdict}; ${remark}.`;
}

function measuredOn({ measuredOn: machines }: StudyOrigin): string {
  return machines.length === 0
    ? "No measured profile was used."
    : `Profiles measured on: ${machines.join("; ")}.`;
}

function bullets(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join("\n");
}
