import { expect, test } from "vitest";
import { randomStrips } from "../../../test/fixtures/strips.ts";
import type { Clock } from "../../base/clock.ts";
import { createRandom } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import type { Problem } from "../problem.ts";
import { runPlanner } from "../run-planner.ts";
import { exact } from "./exact.ts";
import { boundTiled } from "./exact-tiles/bound.ts";
import { hasTiles } from "./exact-tiles.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

function strips(seed: number, objective: "throughput" | "latency", tiles: boolean): Problem {
  const shape = { nodes: 3, height: 8, devices: 2, objective, limits: { tiles } };
  return randomStrips(createRandom(seed), shape);
}

test("without strides the bound on devices of different speeds is all work by all speeds", () => {
  let plain = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const problem = strips(seed, "throughput", true);
    const { nodes } = problem.index.graph;
    if (nodes.some(({ window }) => window === undefined || window.stride[0] !== 1)) continue;
    plain++;
    const work = nodes.reduce((sum, _, node) => sum + problem.seconds.get(0, node), 0);
    const speeds = problem.devices.map(({ speed }) => speed);
    const [first = 1, second = 1] = speeds;
    expect(boundTiled(problem)).toBeCloseTo((work * first) / (first + second), 6);
  }
  expect(plain).toBeGreaterThan(5);
});

test("where stages may be shared a latency is the best of all chains of stages, and stands beside a bound", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const shared = strips(seed, "latency", true);
    expect(hasTiles(shared)).toBe(true);
    const plan = runPlanner(exact, shared, { seed: 1, clock });
    expect(plan).toMatchObject({ guarantee: "optimal-in-class", class: "shared-chains" });
    const alone = strips(seed, "latency", false);
    expect(hasTiles(alone)).toBe(false);
    expect(runPlanner(exact, alone, { seed: 1, clock })).toMatchObject({ guarantee: "optimal" });
  }
});
