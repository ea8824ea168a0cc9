import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { randomStrips } from "../fixtures/strips.ts";
import { clock, expectEqual, longRun } from "./planner.ts";
import { waysInTurn } from "./tiles-in-turn-oracle.ts";

/** One device and a chain of nodes with parameters of so many bytes. */
function alone(seed: number, bytes: number): Problem {
  const size = { nodes: 4, devices: 1, height: 4, objective: "latency" } as const;
  const { profile, topology, objective, limits } = randomStrips(createRandom(seed), size);
  const nodes = profile.graph.nodes.map((node) => ({
    ...node,
    parameterBytes: bytes as typeof node.parameterBytes,
  }));
  const graph = { ...profile.graph, nodes };
  return createProblem({ ...profile, graph }, topology, objective, limits);
}

test("with little memory a device runs tile by tile what all ways to cut it allow, and as fast", {
  timeout: 600_000,
}, () => {
  let asked = 0;
  for (let seed = 1; seed <= (longRun ? 1000 : 8); seed++) {
    const free = alone(seed, seed % 3);
    const ways = waysInTurn(free);
    const whole = ways[0]?.memoryBytes as number;
    const sizes = [...new Set(ways.map(({ memoryBytes }) => memoryBytes))].sort((a, b) => a - b);
    const smaller = sizes.filter((size) => size < whole);
    for (const memoryBytes of new Set([smaller[0], smaller[smaller.length >> 1]])) {
      if (memoryBytes === undefined) continue;
      const best = Math.min(
        ...ways.flatMap((way) => (way.memoryBytes <= memoryBytes ? way.latencySeconds : [])),
      );
      const { profile, topology, objective } = free;
      const problem = createProblem(profile, topology, objective, { tiles: true, memoryBytes });
      const plan = runPlanner(exact, problem, { seed: 1, clock });
      const where = `randomStrips of seed ${seed}, ${memoryBytes} of ${whole} bytes`;
      expect(plan, where).toHaveProperty("claimed");
      if (!("claimed" in plan)) continue;
      expect(plan.claimed.memoryBytes["d0"], where).toBeLessThanOrEqual(memoryBytes);
      expectEqual(plan.claimed.latencySeconds, best, where);
      expect(plan.bound ?? 0, where).toBeLessThanOrEqual(best * (1 + 1e-9));
      asked++;
    }
    if (sizes[0] === undefined) continue;
    const { profile, topology, objective } = free;
    const none = { tiles: true, memoryBytes: sizes[0] - 1e-3 };
    const refused = runPlanner(exact, createProblem(profile, topology, objective, none), {
      seed: 1,
      clock,
    });
    expect(refused, `randomStrips of seed ${seed}`).toMatchObject({ type: "infeasible" });
  }
  expect(asked).toBeGreaterThan(longRun ? 200 : 0);
});
