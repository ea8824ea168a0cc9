import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { piecesModel } from "../../src/plan/planners/exact-pieces/model.ts";
import { classesOf } from "../../src/plan/planners/pipedge/classes.ts";
import { PipelineTable } from "../../src/plan/planners/pipedge/table.ts";
import { pipedge } from "../../src/plan/planners/pipedge.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { clock, expectEqual, longRun, plannerConformance, toProblem } from "./planner.ts";
import { createOracle } from "./planner-oracle.ts";
import { inPieces } from "./planner-pieces.ts";
import { allClasses, type ProblemClass, randomQuestion } from "./planner-problems.ts";

const hub: ProblemClass = { shape: "hub", objective: "throughput" };
const classes = allClasses.filter(({ objective }) => objective === "throughput");

plannerConformance(pipedge, {
  problems: longRun ? 2000 : 240,
  nodes: 6,
  devices: 3,
  classes: [...classes, hub],
});

test("pipedge minimises nothing but the period", () => {
  const kind: ProblemClass = { shape: "mesh", objective: "latency" };
  const problem = toProblem(randomQuestion(1, kind, { nodes: 4, devices: 3 }));
  expect(pipedge.refuses(problem)).toBe("it plans for throughput, not latency");
});

const chains = longRun ? 4000 : 300;

test.each([...classes, hub])(
  "pipedge is the best of the chains where it says so, $shape",
  (kind) => {
    let claimed = 0;
    let clear = 0;
    for (let seed = 1; seed <= chains; seed++) {
      const size = { nodes: 7, devices: seed % 8 === 0 ? 5 : 4 };
      const question = inPieces(randomQuestion(seed, kind, size), createRandom(seed));
      const where = `${kind.shape}, seed ${seed}`;
      const problem = toProblem(question);
      const best = createOracle(question).bestChainOfPieces();
      const plan = runPlanner(pipedge, problem, { seed, clock });
      const isClear = isWithoutMeetings(problem);
      if (best === null) {
        expect("format" in plan, where).toBe(false);
        continue;
      }
      if (isClear) {
        clear++;
        expect(plan, where).toMatchObject({ class: "chains-of-pieces" });
      }
      if (!("format" in plan)) continue;
      expect(plan.claimed.periodSeconds, where).toBeGreaterThanOrEqual(best.value * (1 - 1e-9));
      if (plan.class === undefined) continue;
      claimed++;
      expectEqual(plan.claimed.periodSeconds, best.value, where);
    }
    expect(claimed).toBeGreaterThan(chains / 3);
    if (kind.shape === "mesh") expect(clear).toBeGreaterThan(chains / 20);
  },
);

test("devices that are alike give the same period whether they are counted or told apart", () => {
  let alike = 0;
  for (let seed = 1; seed <= chains / 3; seed++) {
    const size = { nodes: 7, devices: 4 };
    const question = inPieces(randomQuestion(seed, hub, size), createRandom(seed));
    const model = toEnd(piecesModel(toProblem(question)));
    const counted = classesOf(model.runners, model.twinBefore);
    if (counted.length === model.runners.length) continue;
    alike++;
    const apart = model.runners.map((device) => [device]);
    const periods = [counted, apart].map((each) => {
      const table = new PipelineTable(model, each, Number.POSITIVE_INFINITY);
      toEnd(table.fill());
      return table.best(1).next().value?.period ?? null;
    });
    expect(periods[0], `seed ${seed}`).toBe(periods[1]);
  }
  expect(alike).toBeGreaterThan(chains / 10);
});

/** Neighbouring stages have links of their own, and no limit is set that the table does not know. */
function isWithoutMeetings(problem: Problem): boolean {
  const { hops, devices, topology, index, limits, sink, source } = problem;
  const all = devices.map((_, device) => device);
  return (
    limits.latencySeconds === undefined &&
    limits.energyJoules === undefined &&
    // Input and answer may meet on the way from the source to a sink elsewhere.
    (sink === null || sink === source) &&
    devices.every(({ communication }) => communication === "overlapped") &&
    topology.links.every(({ medium }) => medium === undefined) &&
    index.graph.tensors.every((_, tensor) =>
      all.every((from) => all.every((to) => (hops.route(from, to, tensor) ?? []).length <= 1)),
    )
  );
}

function toEnd<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value as T;
  }
}
