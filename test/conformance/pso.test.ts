import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Infeasible } from "../../src/plan/feasibility.ts";
import type { Incumbent, Planner } from "../../src/plan/planner.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { exactGroups } from "../../src/plan/planners/exact-groups.ts";
import { pso } from "../../src/plan/planners/pso.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { randomStrips } from "../fixtures/strips.ts";
import { expectEqual, longRun, plannerConformance } from "./planner.ts";
import { allClasses } from "./planner-problems.ts";
import { bestTiled } from "./tiled-oracle.ts";

const classes = allClasses.filter(({ objective }) => objective === "throughput");
const problems = longRun ? 2000 : 160;

plannerConformance(pso, { problems, nodes: 6, devices: 3, classes });
plannerConformance(exactGroups, { problems, nodes: 6, devices: 3, classes });

const drawn = longRun ? 600 : 60;
const slow = { timeout: 600_000 };

/** Runs to the end, with every step's claim held against `evaluate`. */
function follow(planner: Planner, problem: Problem, where: string): Incumbent | Infeasible {
  const steps = planner.plan(problem, { random: createRandom(1) });
  let last = Number.POSITIVE_INFINITY;
  for (;;) {
    const { done, value } = steps.next();
    if (value !== null && "value" in value) {
      const found = evaluate(problem, value.placement, value.tiles);
      expect(found.type, where).toBe("feasible");
      if (found.type === "feasible") expectEqual(value.value, found.value, where);
      expect(value.value, `${where}: a later step is worse`).toBeLessThanOrEqual(last);
      last = value.value;
    }
    if (done === true) return value as Incumbent | Infeasible;
  }
}

test(
  "with shared stages no step breaks the cost model, and no bound is above the best of all",
  slow,
  () => {
    let shared = 0;
    let reached = 0;
    for (let seed = 1; seed <= drawn; seed++) {
      const size = seed % 3 === 0 ? { nodes: 3, devices: 3 } : { nodes: 4, devices: 2 };
      const problem = randomStrips(createRandom(seed), { ...size, height: 4 });
      const where = `randomStrips of seed ${seed}`;
      const best = bestTiled(problem, 2);
      for (const planner of [pso, exactGroups, exact]) {
        const found = follow(planner, problem, `${planner.name}, ${where}`);
        expect(found, where).toHaveProperty("value");
        if (!("value" in found)) continue;
        expect(found.value, where).toBeGreaterThanOrEqual(best * (1 - 1e-9));
        expect(found.bound ?? 0, `${planner.name}, ${where}`).toBeLessThanOrEqual(
          best * (1 + 1e-9),
        );
        if (planner !== exact) continue;
        if (found.tiles !== undefined) shared++;
        if (found.value <= best * (1 + 1e-9)) reached++;
      }
    }
    expect(shared).toBeGreaterThan(drawn / 10);
    expect(reached).toBeGreaterThan(drawn / 2);
  },
);
