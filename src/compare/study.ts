/**
 * What a comparison of planners is made of: a study asks many planners for answers to many problems
 * and reports tables, charts and what became of published headlines.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Profile } from "../cost/profile.ts";
import type { LinearSolver } from "../plan/linear-solver.ts";
import type { Planner } from "../plan/planner.ts";
import type { ZooName } from "../zoo/zoo.ts";
import type { Verdict } from "./verdict.ts";

export interface Study {
  /** Names its files: `planners-NAME.md`, `.json` and `.svg`. */
  readonly name: string;
  readonly title: string;
  /** Synchronous; yields after every cell, so that the caller can show progress or stop. */
  run(host: StudyHost): Generator<StudyProgress, StudyReport>;
}

export interface StudyHost {
  readonly clock: Clock;
  readonly solver: LinearSolver;
  /** Fewer cells and shorter limits, for a look: under half a minute a study. */
  readonly quick: boolean;
  /** Measured on the machine that `Profile.source` names, with one kind of device, without codecs. */
  readonly profileOf: (network: ZooName) => Profile;
  /** A file of published figures, by its path below `bench/data`. */
  readonly readFigures: (path: string) => string;
  /** Planners of the caller, to stand in every table beside those of the catalogue. */
  readonly guests: readonly Planner[];
}

export interface StudyProgress {
  /** 0 to 1. */
  readonly share: number;
  readonly label: string;
}

export interface StudyReport {
  readonly name: string;
  readonly title: string;
  /** What is asked, of what, and how: sentences for the head of the page. */
  readonly setting: readonly string[];
  readonly tables: readonly StudyTable[];
  readonly charts: readonly StudyChart[];
  readonly headlines: readonly Headline[];
  /** What the tables say, in sentences with figures computed from the cells. */
  readonly findings: readonly string[];
  /** Every cell as measured, for whoever wants another table; plain data. */
  readonly cells: readonly object[];
}

export interface StudyTable {
  readonly title: string;
  readonly columns: readonly { readonly head: string; readonly align?: "right" }[];
  /** One text for each column. */
  readonly rows: readonly (readonly string[])[];
}

export interface StudyChart {
  /** The part of its file's name after that of the study; empty for the only or first one. */
  readonly suffix: string;
  readonly caption: string;
  /** Vega-Lite. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A published figure and what became of it here. */
export interface Headline {
  readonly system: string;
  readonly published: string;
  /** What it was measured against there. */
  readonly publishedAgainst: string;
  /** The figure here; with its unit, or as a ratio. */
  readonly measured: string;
  /** Where it was reached: network, links, devices. */
  readonly cell: string;
  readonly against: string;
  readonly verdict: Verdict;
  /** Why, and what differs; the ratio to the best single device and to the exact optimum. */
  readonly remark: string;
}
