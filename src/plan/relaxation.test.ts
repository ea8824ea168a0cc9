import { expect, test } from "vitest";
import { leastValue } from "../../test/fixtures/every-placement.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import { createRandom, type Random } from "../base/random.ts";
import { additiveCosts } from "./additive.ts";
import type { Problem } from "./problem.ts";
import { chooseOrder, relax } from "./relaxation.ts";
import { createSearchSpace, type SearchSpace } from "./search-space.ts";

test("on a line without limits the bound is the optimum", () => {
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: [
      { name: "a", reads: ["in"], bytes: 2, seconds: [9, 3, 1] },
      { name: "b", reads: ["a"], bytes: 1, seconds: [9, 4, 1] },
    ],
    outputs: ["b"],
    devices: [{ name: "low" }, { name: "middle" }, { name: "high" }],
    links: [...between("low", "middle", 1), ...between("middle", "high", 1)],
  });
  const space = spaceOf(problem);
  expect(relax(space, orderOf(space), space.domains, [], [])).toEqual({
    placement: [1, 2],
    bound: 10,
  });
});

test("a direct link that is cheaper than relaying lowers the price of the way to what it costs", () => {
  const problem = problemOf({
    inputs: { in: 6 },
    nodes: [{ name: "a", reads: ["in"], bytes: 2, seconds: [99, 99, 1] }],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "middle" }, { name: "high" }],
    links: [
      ...between("low", "middle", 2),
      ...between("middle", "high", 2),
      ...between("low", "high", 3),
    ],
  });
  const space = spaceOf(problem);
  const relaxed = relax(space, [0, 1, 2], space.domains, [], []);
  expect(relaxed?.placement).toEqual([2]);
  expect(relaxed?.bound).toBeCloseTo(19, 9);
});

test("whatever the order and the multipliers, no allowed placement undercuts the bound", () => {
  let tight = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = createRandom(seed);
    const problem = randomMesh(random);
    const space = spaceOf(problem);
    const multipliers = space.resources.map(() => random.pick([0, 0, 1, 4]));
    const capacities = space.resources.map(({ capacity }) => capacity);
    const order = random.shuffle([0, 1, 2]);
    const relaxed = relax(space, order, space.domains, multipliers, capacities);
    const best = leastValue(problem) ?? Number.POSITIVE_INFINITY;
    const bound = relaxed?.bound ?? Number.POSITIVE_INFINITY;
    expect(bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
    if (bound > best * 0.8) tight++;
  }
  expect(tight).toBeGreaterThan(20);
});

function spaceOf(problem: Problem): SearchSpace {
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("not additive");
  return createSearchSpace(problem, costs);
}

function randomMesh(random: Random): Problem {
  const devices = ["a", "b", "c"].map((name) => ({ name, memoryBytes: 20 + random.integer(40) }));
  const pairs = [
    ["a", "b"],
    ["b", "c"],
    ["c", "a"],
  ] as const;
  const names = ["in"];
  const nodes = Array.from({ length: 4 }, (_, node) => {
    const reads = [...new Set([random.pick(names), random.pick(names)])];
    names.push(`n${node}`);
    return {
      name: `n${node}`,
      reads,
      bytes: random.integer(6),
      seconds: devices.map(() => random.integer(20)),
      parameterBytes: random.integer(12),
    };
  });
  return problemOf({
    inputs: { in: random.integer(6) },
    nodes,
    outputs: ["n3"],
    devices,
    links: pairs.flatMap(([from, to]) =>
      between(from, to, random.pick([0.5, 1, 2, 4]), random.integer(4)),
    ),
    sink: random.pick(["anywhere", "a", "c"]),
    limits: random.next() < 0.5 ? { latencySeconds: 10 + random.integer(40) } : {},
  });
}

function orderOf(space: SearchSpace): readonly number[] {
  const steps = chooseOrder(space);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
