import { expect, test } from "vitest";
import { toProblem } from "../../test/conformance/planner.ts";
import { createOracle } from "../../test/conformance/planner-oracle.ts";
import { allClasses, randomQuestion } from "../../test/conformance/planner-problems.ts";
import { additiveCosts } from "./additive.ts";
import { loadHighsSolver } from "./highs.node.ts";
import { buildPlacementProgram, countColumns, programUnit } from "./linear-bound.ts";
import { boundByPrices } from "./linear-solver.ts";
import type { Placement } from "./problem.ts";
import { certainCost, createSearchSpace, devicesIn, type SearchSpace } from "./search-space.ts";

const additive = allClasses.filter(({ objective }) => objective !== "throughput");
const effort = { iterations: 10_000, nodes: 10_000 };
const solver = await loadHighsSolver();
const perClass = 40;

test.each(additive)(
  "in whole numbers the programme is the problem, but for the memory of tensors: $shape, $objective",
  (kind) => {
    for (let seed = 1; seed <= perClass; seed++) {
      const { space, best } = ask(seed, kind);
      const optimum = bestBySums(space);
      const scale = optimum === null || optimum === 0 ? 1 : optimum;
      const { program, round } = buildPlacementProgram(space, scale, true);
      const found = solver.solve(program, effort);
      const where = `seed ${seed}`;
      if (optimum === null) {
        expect(found.type, where).toBe("infeasible");
        continue;
      }
      expect(found.type, where).toBe("optimal");
      expect((found.objective * scale) / programUnit, where).toBeCloseTo(optimum, 6);
      expect(sumOf(space, round(found.values)), where).toBeCloseTo(optimum, 6);
      if (best !== null) expect(optimum, where).toBeLessThanOrEqual(best * (1 + 1e-9));
    }
  },
);

test.each(additive)(
  "the linear programme, and its prices alone, are never above the best placement: $shape, $objective",
  (kind) => {
    for (let seed = 1; seed <= perClass; seed++) {
      const { space, best } = ask(seed, kind);
      if (best === null) continue;
      const { program } = buildPlacementProgram(space, Math.max(best, 1e-12), false);
      expect(program.columns.length, `seed ${seed}`).toBeLessThanOrEqual(countColumns(space) + 1);
      const { type, objective, prices } = solver.solve(program, effort);
      expect(type, `seed ${seed}`).toBe("optimal");
      const bound = boundByPrices(program, prices);
      expect(bound, `seed ${seed}`).toBeLessThanOrEqual(programUnit * (1 + 1e-9));
      expect(bound, `seed ${seed}`).toBeCloseTo(objective, 4);
    }
  },
);

function ask(seed: number, kind: (typeof additive)[number]) {
  const question = randomQuestion(seed, kind, { nodes: 5, devices: 3 });
  const problem = toProblem(question);
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  const best = createOracle(question).best()?.value ?? null;
  return { space: createSearchSpace(problem, costs), best };
}

/** The least sum of all placements that keep the sums of the resources. */
function bestBySums(space: SearchSpace): number | null {
  let best: number | null = null;
  const chosen = space.units.map(() => 0);
  const place = (unit: number): void => {
    if (unit < chosen.length) {
      for (const device of devicesIn(space.domains[unit] as number)) {
        chosen[unit] = device;
        place(unit + 1);
      }
      return;
    }
    const sum = sumOf(
      space,
      space.unitOf.map((at) => chosen[at] as number),
    );
    if (sum !== null && (best === null || sum < best)) best = sum;
  };
  place(0);
  return best;
}

function sumOf(space: SearchSpace, placement: Placement): number | null {
  const domains = Int32Array.from(
    space.units,
    ([node]) => 1 << (placement[node as number] as number),
  );
  const sum = certainCost(space, space.objective, domains);
  const isBroken = space.resources.some(
    (resource) => certainCost(space, resource, domains) > resource.capacity * (1 + 1e-6),
  );
  return isBroken || sum === Number.POSITIVE_INFINITY ? null : sum;
}
