/**
 * How close the exact planner comes to the least latency under memory caps, and how close it knows
 * it to be, after 1, 10 and 60 seconds: `npm run bench -- additive`. All costs are modelled. Three
 * searches on each problem: branch and bound by relaxed cuts alone (10 s at most), the search along
 * the frontier before it, and HiGHS beside both.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import Table from "cli-table3";
import { additiveCosts } from "../dist/plan/additive.js";
import { loadHighsSolver } from "../dist/plan/highs.node.js";
import type { Incumbent } from "../dist/plan/planner.js";
import {
  type BranchAndBoundOptions,
  branchAndBound,
} from "../dist/plan/planners/branch-and-bound.js";
import { additiveProblems, type BenchProblem } from "./additive-problems.js";
import { keepResults } from "./keep-results.ts";

interface Mark {
  readonly afterSeconds: number;
  /** `null`: nothing was found until then. */
  readonly incumbent: number | null;
  readonly bound: number | null;
  readonly gap: number | null;
}

interface Row {
  readonly graph: string;
  readonly nodes: number;
  readonly topology: string;
  readonly caps: string;
  readonly search: string;
  readonly marks: readonly Mark[];
  /** Seconds to the end of the search; `null`: it was stopped. */
  readonly endSeconds: number | null;
  readonly method: string | null;
  /** The longest that a caller would have waited for it to stop. */
  readonly longestStepSeconds: number;
}

interface Search {
  readonly name: string;
  readonly options: BranchAndBoundOptions;
  readonly limitSeconds: number;
}

const times = [1, 10, 60];
const solver = await loadHighsSolver();
const searches: readonly Search[] = [
  { name: "cuts", options: { frontier: false }, limitSeconds: 10 },
  { name: "frontier", options: {}, limitSeconds: 60 },
  { name: "frontier, HiGHS", options: { solver }, limitSeconds: 60 },
];

const rows: Row[] = [];
for (const asked of additiveProblems()) {
  for (const search of searches) {
    const row = measure(asked, search);
    rows.push(row);
    console.log(summaryOf(row));
  }
}
print();
mkdirSync("bench/results", { recursive: true });
keepResults("additive", {
  costs: "modelled",
  rows,
});

writeFileSync("bench/results/additive.md", markdown());

function measure({ graph, topology, caps, problem }: BenchProblem, search: Search): Row {
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("the objective is not additive");
  const marks: Mark[] = [];
  const start = performance.now();
  let last = start;
  let longest = 0;
  let incumbent: Incumbent | null = null;
  let endSeconds: number | null = null;
  const isOver = (): boolean => performance.now() - start > 1000 * search.limitSeconds;
  const steps = branchAndBound(problem, costs, optionsOf(search, isOver));
  while (endSeconds === null) {
    const step = steps.next();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    const passed = (now - start) / 1000;
    for (const time of times.slice(marks.length)) {
      if (passed >= time) marks.push(markAt(time, incumbent));
    }
    if (step.value !== null && "value" in step.value) incumbent = step.value;
    if (step.done === true) endSeconds = passed;
    else if (isOver()) break;
  }
  if (endSeconds !== null) marks.push(markAt(endSeconds, incumbent));
  return {
    graph,
    nodes: problem.index.graph.nodes.length,
    topology,
    caps,
    search: search.name,
    marks,
    endSeconds,
    method: incumbent?.method ?? null,
    longestStepSeconds: longest / 1000,
  };
}

/** As `runPlanner` does: a solver stops when the search would be stopped. */
function optionsOf({ options }: Search, isOver: () => boolean): BranchAndBoundOptions {
  const { solver: inner } = options;
  if (inner === undefined) return options;
  return {
    ...options,
    solver: {
      name: inner.name,
      solve: (program, effort) => inner.solve(program, { ...effort, isOver }),
    },
  };
}

function markAt(afterSeconds: number, incumbent: Incumbent | null): Mark {
  const value = incumbent?.value ?? null;
  const bound = incumbent?.bound ?? null;
  const gap = value === null || bound === null ? null : (value - bound) / value;
  return { afterSeconds, incumbent: value, bound, gap };
}

/** The gap at a time, or at the end if that came before. */
function gapAt({ marks, endSeconds }: Row, time: number): string {
  const isOver = endSeconds !== null && endSeconds < time;
  const mark = isOver ? marks.at(-1) : marks.find(({ afterSeconds }) => afterSeconds === time);
  if (mark === undefined || mark.gap === null) return "–";
  return mark.gap < 1e-9 ? "0" : `${(100 * mark.gap).toFixed(2)} %`;
}

function summaryOf(row: Row): string {
  const { graph, topology, search, marks, endSeconds } = row;
  const last = marks.at(-1);
  const gap =
    last?.gap === null || last?.gap === undefined ? "–" : `${(100 * last.gap).toFixed(3)} %`;
  const end = endSeconds === null ? "stopped" : `ended after ${endSeconds.toFixed(2)} s`;
  return `${graph}, ${topology}, ${search}: gap ${gap}, ${end}`;
}

/** One line for each problem, the searches side by side: as the page on branch and bound has it. */
function markdown(): string {
  const head = [
    "graph",
    "nodes",
    "devices",
    "cuts: gap after 1, 10 s",
    "frontier: 1, 10, 60 s",
    "frontier, HiGHS: 1, 10, 60 s",
    "frontier ended after",
  ];
  const lines = rows
    .filter(({ search }) => search === "cuts")
    .map((cuts) => {
      const gaps = searches.map(({ name, limitSeconds }) => {
        const row = rows.find(
          ({ graph, topology, search }) =>
            graph === cuts.graph && topology === cuts.topology && search === name,
        );
        const shown = times.filter((time) => time <= limitSeconds);
        return { row, text: row === undefined ? "–" : shown.map((t) => gapAt(row, t)).join(", ") };
      });
      const end = gaps[1]?.row?.endSeconds ?? null;
      return [
        cuts.graph,
        cuts.nodes,
        cuts.topology,
        ...gaps.map(({ text }) => text),
        end === null ? "–" : `${end.toFixed(1)} s`,
      ];
    });
  const table = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return `    npm run bench -- additive\n\n${cpus()[0]?.model ?? ""}, Node ${process.version}; costs are modelled.\n\n${table.join("\n")}\n`;
}

function print(): void {
  const table = new Table({
    head: [
      "graph",
      "nodes",
      "topology",
      "search",
      "latency s",
      "bound s",
      ...times.map((time) => `gap at ${time} s`),
      "end s",
      "longest step s",
    ],
  });
  for (const row of rows) {
    const last = row.marks.at(-1);
    table.push([
      row.graph,
      row.nodes,
      row.topology,
      row.search,
      last?.incumbent?.toFixed(4) ?? "–",
      last?.bound?.toFixed(4) ?? "–",
      ...times.map((time) => gapAt(row, time)),
      row.endSeconds?.toFixed(2) ?? "stopped",
      row.longestStepSeconds.toFixed(2),
    ]);
  }
  console.log(table.toString());
}
