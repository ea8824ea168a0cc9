import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import type { CodecChoice } from "../../src/cost/hops.ts";
import { withCodecs } from "../../src/plan/codecs.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, toProblem } from "./planner.ts";
import { createOracle } from "./planner-oracle.ts";
import { allClasses, randomQuestion } from "./planner-problems.ts";

test.each(allClasses)(
  "evaluate agrees with the cost model written a second time: $shape, $objective",
  (kind) => {
    let feasible = 0;
    const problems = longRun ? 2000 : 250;
    for (let seed = 1; seed <= problems; seed++) {
      const question = randomQuestion(seed, kind, { nodes: 7, devices: 4 });
      const problem = toProblem(question);
      const oracle = createOracle(question);
      const random = createRandom(seed);
      for (let trial = 0; trial < 12; trial++) {
        const among =
          trial < 4 ? [random.integer(problem.devices.length)] : [...problem.devices.keys()];
        const placement = problem.index.graph.nodes.map(() => random.pick(among));
        const codecs = trial % 2 === 0 ? undefined : randomCodecs(problem, random);
        const figures = oracle.cost(placement, codecs);
        const coded = codecs === undefined ? problem : withCodecs(problem, codecs);
        const evaluation = evaluate(coded, placement);
        const where = `seed ${seed}, ${placement}`;
        expect(evaluation.type, where).toBe(figures === null ? "infeasible" : "feasible");
        if (figures === null || evaluation.type === "infeasible") continue;
        feasible++;
        expect(evaluation.value, where).toBeCloseTo(figures.value, 9);
        expect(evaluation.latencySeconds, where).toBeCloseTo(figures.latencySeconds, 9);
        expect(evaluation.periodSeconds, where).toBeCloseTo(figures.periodSeconds, 9);
        expect(evaluation.energyJoules, where).toBeCloseTo(figures.energyJoules, 9);
        expect(evaluation.memoryBytes, where).toEqual(figures.memoryBytes);
      }
    }
    expect(feasible).toBeGreaterThan(problems);
  },
);

/** Any codec, or none, for each tensor on each link. */
function randomCodecs(problem: Problem, random: Random): CodecChoice {
  const chosen = problem.hops.links.map((_, link) =>
    problem.linkBytes.map((_, tensor) => random.pick([null, ...problem.hops.codecs(link, tensor)])),
  );
  return (link, tensor) => chosen[link]?.[tensor] ?? null;
}
