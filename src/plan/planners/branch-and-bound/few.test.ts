import { expect, test } from "vitest";
import { toProblem } from "../../../../test/conformance/planner.ts";
import { createOracle } from "../../../../test/conformance/planner-oracle.ts";
import { allClasses, randomQuestion } from "../../../../test/conformance/planner-problems.ts";
import { between, problemOf } from "../../../../test/fixtures/sketch.ts";
import { createRandom } from "../../../base/random.ts";
import { additiveCosts } from "../../additive.ts";
import { evaluate } from "../../evaluate.ts";
import { chooseOrder } from "../../relaxation.ts";
import { branchAndBound } from "../branch-and-bound.ts";
import { Champion, ceilingOf } from "./champion.ts";
import { choosePlaces, spaceOnChosen, spaceWithOthers } from "./places.ts";
import { searchFrontier } from "./sweep.ts";

const meshes = allClasses.filter(
  ({ shape, objective }) => shape === "mesh" && objective !== "throughput",
);

test("devices left out count in the bound as one: it never passes the best of all placements", () => {
  let proven = 0;
  let bounded = 0;
  for (const kind of meshes) {
    for (let seed = 1; seed <= 40; seed++) {
      const question = randomQuestion(seed, kind, { nodes: 5, devices: 4 });
      const problem = toProblem(question);
      const costs = additiveCosts(problem);
      const best = createOracle(question).best()?.value ?? null;
      if (costs === null || best === null) continue;
      const places = choosePlaces(problem, costs, 2);
      const champion = new Champion(ceilingOf(problem, costs));
      const own = spaceOnChosen(problem, costs, places);
      if (!own.domains.includes(0)) drain(searchFrontier(own, champion, 0));
      const found = champion.best(0, "")?.value ?? Number.POSITIVE_INFINITY;
      expect(found, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-9));
      const bound = drain(searchFrontier(spaceWithOthers(problem, costs, places), champion, 0));
      expect(bound ?? 0, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
      if (bound === null || places.others.length === 0) continue;
      bounded++;
      if (bound >= champion.cutoff) proven++;
    }
  }
  // Some are even proven to be the best.
  expect(bounded).toBeGreaterThan(50);
  expect(proven).toBeGreaterThan(10);
});

test("forty devices all linked to each other are answered with a placement, a bound and a gap", () => {
  const random = createRandom(2);
  const names = Array.from({ length: 40 }, (_, device) => `d${device}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: Array.from({ length: 20 }, (_, node) => ({
      name: `n${node}`,
      reads: [node === 0 ? "in" : `n${node - 1}`],
      bytes: 1 + random.integer(4),
      seconds: names.map(() => 1 + random.integer(50)),
      parameterBytes: 5,
    })),
    outputs: ["n19"],
    devices: names.map((name) => ({ name, memoryBytes: 60 })),
    links: names.flatMap((from, at) =>
      names.slice(at + 1).flatMap((to) => between(from, to, 0.5 + random.next())),
    ),
  });
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  const answer = drain(branchAndBound(problem, costs));
  if ("type" in answer) throw new Error(answer.reason);
  const found = evaluate(problem, answer.placement);
  expect(found).toMatchObject({ type: "feasible", value: answer.value });
  expect(answer.bound).toBeGreaterThan(0);
  expect(answer.bound).toBeLessThanOrEqual(answer.value);
});

function drain<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

test("fourteen devices around one, of which three are left out, can be put in an order", () => {
  const names = Array.from({ length: 14 }, (_, device) => `d${device}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: ["a", "b"].map((name, node) => ({
      name,
      reads: [node === 0 ? "in" : "a"],
      bytes: 1,
      // The first device but one is fast, the others are not.
      seconds: names.map((_, device) => (device === 1 ? 1 : 50 + device)),
      parameterBytes: 5,
    })),
    outputs: ["b"],
    devices: names.map((name) => ({ name, memoryBytes: 60 })),
    links: names.slice(1).flatMap((name) => between("d0", name, 1)),
  });
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  const places = choosePlaces(problem, costs, 11);
  expect(places.others).toHaveLength(3);
  const order = drain(chooseOrder(spaceWithOthers(problem, costs, places)));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, place) => place));
});

test("that nothing was found on the most promising of many devices is no proof", () => {
  const names = Array.from({ length: 31 }, (_, device) => `d${device}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: [
      { name: "n", reads: ["in"], bytes: 1, seconds: names.map(() => 1), parameterBytes: 90 },
    ],
    outputs: ["n"],
    devices: names.map((name) => ({ name, memoryBytes: 60 })),
    links: names.slice(1).flatMap((name) => between("d0", name, 1)),
  });
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  const end = drain(branchAndBound(problem, costs));
  expect(end).toMatchObject({ type: "infeasible", isProven: false });
});
