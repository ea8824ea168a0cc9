import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { exactPieces } from "../../src/plan/planners/exact-pieces.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { clock, expectEqual, longRun, plannerConformance, toProblem } from "./planner.ts";
import { createOracle } from "./planner-oracle.ts";
import { inPieces } from "./planner-pieces.ts";
import { allClasses, randomQuestion } from "./planner-problems.ts";

const classes = allClasses.filter(({ objective }) => objective === "throughput");
const exceptions = [
  {
    reason: "the class is proven for the codecs in use only",
    refuses: ({ hops }: Problem) =>
      hops.links.some((_, link) =>
        hops.samples.some((tensor) => hops.codecs(link, tensor).length > 0),
      ),
  },
];

plannerConformance(exactPieces, {
  problems: longRun ? 2000 : 200,
  nodes: 6,
  devices: 3,
  classes,
  exceptions,
});

const chains = longRun ? 4000 : 300;

test.each(classes)("exact-pieces is the best of the chains on many pieces, $shape", (kind) => {
  let split = 0;
  let closed = 0;
  for (let seed = 1; seed <= chains; seed++) {
    const size = { nodes: 7, devices: seed % 8 === 0 ? 5 : 4 };
    const question = inPieces(randomQuestion(seed, kind, size), createRandom(seed));
    const where = `${kind.shape}, seed ${seed}`;
    const oracle = createOracle(question);
    const best = oracle.bestChainOfPieces();
    const plan = runPlanner(exactPieces, toProblem(question), { seed, clock });
    expect("format" in plan, where).toBe(best !== null);
    if (!("format" in plan) || best === null) continue;
    expectEqual(plan.claimed.periodSeconds, best.value, where);
    expect(plan.guarantee === "optimal" || plan.class === "chains-of-pieces", where).toBe(true);
    if (plan.stages.length > 1) split++;
    if (plan.guarantee === "optimal") closed++;
    if (seed % 16 !== 0) continue;
    const least = oracle.best()?.value ?? Number.NaN;
    expect(plan.bound, where).toBeLessThanOrEqual(least * (1 + 1e-9));
  }
  expect(split).toBeGreaterThan(chains / 3);
  expect(closed).toBeGreaterThan(chains / 10);
});
