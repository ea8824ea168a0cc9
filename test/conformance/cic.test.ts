import { expect, test } from "vitest";
import { cic } from "../../src/plan/planners/cic.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, type PlannerException, plannerConformance, toProblem } from "./planner.ts";
import { laterIsFaster } from "./planner-later-faster.ts";
import { allClasses, randomQuestion } from "./planner-problems.ts";

/** All that it refuses, by what it says. */
const exceptions: readonly PlannerException[] = [
  ["it decides between a source and one other device", /two devices that are linked/],
  ["it has no link to the other device", /has no link to the next/],
  ["limits and privacy may forbid what it merges", /a limit or privacy/],
  ["nodes that share a device would have to be merged first", /must share a device/],
  ["a node may cost more on the server", /may cost more on '/],
  ["the server's memory may not hold what moves there", /with everything on it/],
  ["a graph input that is an answer travels whatever is cut", /graph input that is an answer/],
  ["answers of several nodes come back from some cuts only", /may travel back from some cuts/],
  ["codecs differ from state to state, and pipelines are no sums", /which codec/],
  ["the server may be the bottleneck of a pipeline", /is bound by '/],
].map(([reason, pattern]) => ({
  reason: reason as string,
  refuses: (problem: Problem) => (pattern as RegExp).test(cic.refuses(problem) ?? ""),
}));

const suite = {
  problems: longRun ? 4000 : 240,
  nodes: 7,
  devices: 2,
  exceptions,
  adapt: laterIsFaster,
} as const;

const sums = allClasses.filter(({ objective }) => objective !== "throughput");
const pipelines = allClasses.filter(({ objective }) => objective === "throughput");

plannerConformance(cic, { ...suite, classes: sums });
plannerConformance(cic, { ...suite, classes: pipelines, codecs: false });
plannerConformance(cic, { problems: longRun ? 400 : 48, nodes: 5, devices: 3, exceptions });

test("most questions of the suite are answered, whatever the objective", () => {
  for (const kind of allClasses) {
    let answered = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const question = randomQuestion(seed, kind, suite);
      if (cic.refuses(toProblem(laterIsFaster(question, seed))) === null) answered++;
    }
    expect(answered, JSON.stringify(kind)).toBeGreaterThan(sums.includes(kind) ? 25 : 1);
  }
});
