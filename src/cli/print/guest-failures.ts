import { formatQuantity } from "../../base/units.ts";
import type { GuestFailure } from "../bench/guests.ts";
import { markdownTable } from "./markdown.ts";

/** What became of programs of the caller in one study. */
export interface ProgramsOfStudy {
  readonly limitSeconds: number;
  readonly failures: readonly GuestFailure[];
}

/** Of the table; all of them stand in the JSON. */
const shownRows = 40;

/** Which questions of a study programs of the caller did not answer, and why: equal ones in one row. */
export function guestFailureParts({ limitSeconds, failures }: ProgramsOfStudy): string[] {
  const rule = `Programs of the caller had ${formatQuantity(limitSeconds, "s")} for each answer, whatever other planners had; one that lets three of them pass is asked no more.`;
  if (failures.length === 0) return [rule];
  const groups = new Map<string, GuestFailure[]>();
  for (const failure of failures) {
    const { planner, network, objective, reason } = failure;
    const key = JSON.stringify([planner, network, objective, reason]);
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  const rows = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { planner, network, objective, reason } = first;
    const among = [...new Set(group.map((failure) => failure.among))].join("; ");
    return [[planner, network, objective, group.length, among, reason]];
  });
  const left = rows.length - shownRows;
  return [
    "## Where programs of the caller failed",
    `${rule}${left > 0 ? ` The first ${shownRows} of ${rows.length} rows.` : ""}`,
    markdownTable(columns, rows.slice(0, shownRows)),
  ];
}

const columns = [
  { head: "planner" },
  { head: "network" },
  { head: "objective" },
  { head: "questions", align: "right" as const },
  { head: "among" },
  { head: "reason" },
];
