import { expect, test } from "vitest";
import { toProblem } from "../../../../test/conformance/planner.ts";
import { createOracle } from "../../../../test/conformance/planner-oracle.ts";
import { allClasses, randomQuestion } from "../../../../test/conformance/planner-problems.ts";
import { additiveCosts } from "../../additive.ts";
import { createSearchSpace } from "../../search-space.ts";
import { searchAround } from "./around.ts";
import { Champion, ceilingOf } from "./champion.ts";
import { buildFrontier } from "./frontier.ts";
import { sweepFrontier } from "./frontier-labels.ts";
import { priceFrontier } from "./frontier-prices.ts";
import { searchFrontier } from "./sweep.ts";

const additive = allClasses.filter(({ objective }) => objective !== "throughput");

test("the search along the frontier finds and proves the best placement, memory and limits kept", () => {
  for (const kind of additive) {
    for (let seed = 1; seed <= 30; seed++) {
      const { champion, space, best } = ask(seed, kind);
      const bound = drain(searchFrontier(space, champion, 0));
      const where = `seed ${seed}, ${kind.shape}, ${kind.objective}`;
      expect(bound, where).toBe(champion.cutoff);
      const found = champion.best(bound ?? 0, "");
      expect(found?.value ?? null, where).toEqual(best === null ? null : expect.closeTo(best, 9));
    }
  }
});

test("a sweep that leaves placements out for lack of room says what they cost at least", () => {
  let left = 0;
  for (const kind of additive) {
    for (let seed = 1; seed <= 30; seed++) {
      const { champion, space, best } = ask(seed, kind);
      const graph = drain(buildFrontier(space, champion.cutoff));
      if (graph === null || graph.firstState.at(-1) === graph.firstState.at(-2)) continue;
      const priced = drain(priceFrontier(graph, space, champion, 0));
      const sweep = drain(sweepFrontier(space, priced, champion, 1));
      const optimum = best ?? Number.POSITIVE_INFINITY;
      if (!sweep.isComplete) left++;
      expect(Math.min(sweep.bound, champion.cutoff), `seed ${seed}`).toBeLessThanOrEqual(
        optimum * (1 + 1e-9),
      );
      if (sweep.isComplete) expect(champion.best(0, "")?.value ?? optimum).toBeCloseTo(optimum, 9);
    }
  }
  expect(left).toBeGreaterThan(5);
});

test("looking around any allowed placement finds the best where one window holds the graph", () => {
  let started = 0;
  let best = 0;
  for (const kind of additive) {
    for (let seed = 1; seed <= 30; seed++) {
      const { champion, space, best: optimum } = ask(seed, kind);
      const start = space.problem.devices.map((_, device) => space.unitOf.map(() => device));
      if (optimum === null || !start.some((placement) => champion.challenge(placement, space))) {
        continue;
      }
      const before = champion.cutoff;
      drain(searchAround(space, champion));
      started++;
      expect(champion.cutoff, `seed ${seed}`).toBeLessThanOrEqual(before);
      if (champion.cutoff <= optimum) best++;
    }
  }
  expect(started).toBeGreaterThan(50);
  expect(best).toBe(started);
});

test("too many devices have no frontier", () => {
  const { space, champion } = ask(1, { shape: "mesh", objective: "latency" });
  const devices = Array.from({ length: 13 }, () => space.problem.devices[0]).flatMap(
    (device) => device ?? [],
  );
  const many = { ...space, problem: { ...space.problem, devices } };
  expect(drain(searchFrontier(many, champion, 0))).toBeNull();
});

function ask(seed: number, kind: (typeof additive)[number]) {
  const question = randomQuestion(seed, kind, { nodes: 6, devices: 3 });
  const problem = toProblem(question);
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  return {
    space: createSearchSpace(problem, costs),
    champion: new Champion(ceilingOf(problem, costs)),
    best: createOracle(question).best()?.value ?? null,
  };
}

function drain<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
