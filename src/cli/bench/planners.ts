/**
 * Runs the studies that compare planners, and writes each as soon as it is done.
 *
 * @module
 */
import { cpus } from "node:os";
import { join } from "node:path";
import { setImmediate as otherEvents } from "node:timers/promises";
import type { TopLevelSpec } from "vega-lite";
import { studies } from "../../compare/studies.ts";
import type { Study, StudyHost, StudyReport } from "../../compare/study.ts";
import { loadHighsSolver } from "../../plan/highs.node.ts";
import { usage } from "../command.ts";
import { drawChart } from "../draw/chart.ts";
import { makeFolder, writeWhole } from "../files.ts";
import { type Progress, showProgress } from "../print/progress.ts";
import { type StudyOrigin, studyIndexMarkdown, studyMarkdown } from "../print/study.ts";
import type { Terminal } from "../terminal.ts";
import { type Guests, guestPlanners } from "./guests.ts";
import { keptStudy, linesOfJson, readSummary } from "./kept-study.ts";
import { createStudyHost } from "./study-host.ts";

export interface PlannersOptions {
  /** Names of studies, with commas; default: all. */
  readonly only: string | undefined;
  readonly quick: boolean;
  readonly planners: readonly string[];
  /** For one answer of a program among them; default: that of `guestPlanners`. */
  readonly timeLimit: number | undefined;
  readonly profiles: string | undefined;
  /** Made if it is not there. */
  readonly folder: string;
  readonly command: string;
}

/**
 * Runs studies one after the other. Interrupted, it ends between two cells; finished studies are
 * written by then.
 *
 * @throws USAGE_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED, PROFILE_INVALID
 */
export async function comparePlanners(
  options: PlannersOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { folder, quick, command, profiles } = options;
  const chosen = chosenStudies(options.only);
  const guests = guestPlanners(options.planners, {
    note: terminal.note,
    ...(options.timeLimit === undefined ? {} : { timeLimitSeconds: options.timeLimit }),
  });
  if (options.timeLimit !== undefined && guests.limitSeconds === null) {
    throw usage("--time-limit is for programs: name one with --planner exec:COMMAND");
  }
  await makeFolder(folder);
  const solver = await loadHighsSolver();
  const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${process.arch}, ${cpus().length} cores, Node ${process.versions.node}, one thread`;
  const kept: object[] = [];
  for (const study of chosen) {
    const own = {
      solver,
      quick,
      guests: guests.planners,
      ...(profiles === undefined ? {} : { profiles }),
    };
    const { host, measuredOn } = createStudyHost(own);
    const report = await runStudy(study, host, terminal, signal);
    const origin = { command, machine, measuredOn: measuredOn(), ...programsOf(guests, terminal) };
    const files = await writeStudy(origin, report, folder, terminal);
    await writeIndex(folder, terminal);
    kept.push(keptStudy(origin, report));
    if (!terminal.json) printStudy(report, files, folder, terminal);
  }
  if (terminal.json) terminal.document({ studies: kept });
}

/** What programs of the caller did in the study that has just ended. */
function programsOf(guests: Guests, terminal: Terminal): Pick<StudyOrigin, "programs"> {
  const failures = guests.takeFailures();
  const { limitSeconds } = guests;
  if (limitSeconds === null) return {};
  for (const { name } of guests.planners) {
    const count = failures.filter(({ planner }) => planner === name).length;
    if (count > 0) terminal.note(`'${name}' failed on ${count} questions of this study`);
  }
  return { programs: { limitSeconds, failures } };
}

/** The studies that are asked for, in the order of the list. @throws USAGE_INVALID */
function chosenStudies(only: string | undefined): readonly Study[] {
  if (only === undefined) return studies;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !studies.some((study) => study.name === name));
  if (unknown === undefined) return studies.filter(({ name }) => names.includes(name));
  const known = studies.map(({ name }) => name).join(", ");
  throw usage(`--only wants studies out of ${known}, not "${unknown}"`);
}

/** Between turns the thread is free for an interrupt and the bar. */
const turnMilliseconds = 50;

async function runStudy(
  study: Study,
  host: StudyHost,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<StudyReport> {
  const progress: Progress = showProgress(study.name, terminal);
  const steps = study.run(host);
  try {
    let turn = performance.now();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (performance.now() - turn < turnMilliseconds) continue;
      progress.update(step.value.share, step.value.label);
      await otherEvents();
      signal.throwIfAborted();
      turn = performance.now();
    }
  } finally {
    progress.stop();
  }
}

/** Writes page, figures and charts; returns the names of the files. */
async function writeStudy(
  origin: StudyOrigin,
  report: StudyReport,
  folder: string,
  terminal: Terminal,
): Promise<string[]> {
  const base = `planners-${report.name}`;
  const charts: string[] = [];
  for (const { suffix, spec } of report.charts) {
    const file = `${base}${suffix === "" ? "" : `-${suffix}`}.svg`;
    const drawing = await drawChart(spec as unknown as TopLevelSpec);
    await writeWhole(join(folder, file), drawing, terminal);
    charts.push(file);
  }
  const page = studyMarkdown({ origin, report, charts });
  await writeWhole(join(folder, `${base}.md`), page, terminal);
  await writeWhole(join(folder, `${base}.json`), linesOfJson(keptStudy(origin, report)), terminal);
  return [`${base}.md`, `${base}.json`, ...charts];
}

/** Of every study that the folder has, those of earlier runs too. */
async function writeIndex(folder: string, terminal: Terminal): Promise<void> {
  const summaries = await Promise.all(studies.map(({ name }) => readSummary(folder, name)));
  const known = summaries.filter((summary) => summary !== null);
  await writeWhole(join(folder, "planners.md"), studyIndexMarkdown(known), terminal);
}

function printStudy(
  { title, findings, headlines }: StudyReport,
  files: readonly string[],
  folder: string,
  terminal: Terminal,
): void {
  terminal.line(terminal.colours.bold(title));
  for (const finding of findings) terminal.line(`  - ${finding}`);
  for (const { system, published, measured, cell, against, verdict } of headlines) {
    terminal.line(
      `  - ${system}, ${published}: ${verdict}; here ${measured} against ${against} (${cell})`,
    );
  }
  terminal.line(`  wrote ${files.join(", ")} and planners.md to ${folder}\n`);
}
