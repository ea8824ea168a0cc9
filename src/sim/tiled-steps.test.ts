import fc from "fast-check";
import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { randomStrips } from "../../test/fixtures/strips.ts";
import { createRandom } from "../base/random.ts";
import { type Evaluation, evaluate } from "../plan/evaluate.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import type { TileStage } from "../plan/tiles.ts";
import { type Simulation, simulate } from "./pipeline.ts";

function lived(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[],
  requests = 1,
): { readonly evaluation: Evaluation; readonly simulation: Simulation } {
  const arrivals = { type: "closed", inFlight: requests } as const;
  const simulation = simulate(problem, placement, { arrivals, requests, tiles });
  const evaluation = evaluate(problem, placement, tiles);
  if (simulation.type === "infeasible") throw new Error(simulation.reason);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  return { evaluation, simulation };
}

test("one request alone takes what the cost model says: members work at once, with their halos", () => {
  const problem = pictureProblem({});
  const tiles = [stage([0, 1], [1, 2], [4, 8])];
  const { evaluation, simulation } = lived(problem, [1, 1, 0], tiles);
  // 6 of 8 rows go to each side, which makes 5 and 4 of them; both sides then send 4 to the camera.
  expect(simulation.latencySeconds[0]).toBe(6 + 5 + 4 + 4 + 8);
  // The model lets what comes back over two links come one after the other.
  expect(evaluation.latencySeconds).toBe(6 + 5 + 4 + 4 + 4 + 8);
});

test("members that exchange halos between two stages wait for each other's rows", () => {
  const problem = pictureProblem({});
  const tiles = [stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])];
  const { simulation } = lived(problem, [1, 1, 0], tiles);
  // 5 rows come, 4 are made, 1 is exchanged, 4 are made and sent back; the camera does the rest.
  expect(simulation.latencySeconds[0]).toBe(5 + 4 + 1 + 4 + 4 + 8);
});

test("what each device, link and medium does for a request is its load in the cost model", () => {
  const strips = { nodes: 4, height: 8, devices: 3 };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
      const random = createRandom(seed);
      const problem = randomStrips(random, { ...strips, objective: "latency" });
      const { graph } = problem.index;
      const height = graph.tensors[1]?.shape[2] ?? 1;
      const middle = 1 + random.integer(Math.max(1, height - 1));
      fc.pre(height > 1 && graph.nodes[0]?.window !== undefined);
      const tiles = [stage([0], [1, 2], [middle, height])];
      const placement = graph.nodes.map((_, node) => (node === 0 ? 1 : random.integer(3)));
      const evaluation = evaluate(problem, placement, tiles);
      fc.pre(evaluation.type === "feasible");
      const { simulation } = lived(problem, placement, tiles, 4);
      const loads = simulation.servers.map(({ secondsPerRequest }) => secondsPerRequest);
      const expected = (evaluation as Evaluation).deviceLoads;
      for (const [device, load] of expected.entries()) expect(loads[device]).toBeCloseTo(load, 9);
      expect(Math.max(...loads)).toBeCloseTo((evaluation as Evaluation).periodSeconds, 9);
    }),
    { numRuns: 60 },
  );
});

/** Rows of 8 for each of two or three different devices. */
const someStage = (nodes: readonly number[]) =>
  fc
    .tuple(
      fc.shuffledSubarray([0, 1, 2], { minLength: 2 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 2 }),
    )
    .map(([devices, inner]) => {
      const ends = [...inner.toSorted((a, b) => a - b).slice(0, devices.length - 1), 8];
      return stage(nodes, devices, ends);
    });

test("one request takes no longer than the cost model says, which lets nothing overlap but members", () => {
  const one = someStage([0, 1]).map((shared) => [shared]);
  const two = fc.tuple(someStage([0]), someStage([1]));
  fc.assert(
    fc.property(fc.oneof(one, two), (tiles) => {
      const first = tiles[0]?.devices[0] as number;
      const second = tiles.at(-1)?.devices[0] as number;
      const { evaluation, simulation } = lived(pictureProblem({}), [first, second, 0], tiles);
      const latency = simulation.latencySeconds[0] as number;
      expect(latency).toBeLessThanOrEqual(evaluation.latencySeconds + 1e-9);
      expect(latency).toBeGreaterThanOrEqual(evaluation.periodSeconds - 1e-9);
    }),
    { numRuns: 60 },
  );
});

test("one request takes exactly what the cost model says where one of two members makes the other wait", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), (own) => {
      // The camera has no more rows than the left one, to which the picture has to come first.
      const tiles = [stage([0, 1], [0, 1], [own, 8])];
      const { evaluation, simulation } = lived(pictureProblem({}), [0, 0, 0], tiles);
      expect(simulation.latencySeconds[0]).toBeCloseTo(evaluation.latencySeconds, 9);
    }),
  );
});
