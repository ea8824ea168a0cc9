import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { type Evaluation, evaluate } from "../../src/plan/evaluate.ts";
import type { TileStage } from "../../src/plan/tiles.ts";
import { longRun, toProblem } from "./planner.ts";
import type { TiledStage } from "./planner-oracle-tile-parts.ts";
import { createTileOracle } from "./planner-oracle-tiles.ts";
import { allClasses } from "./planner-problems.ts";
import { randomPictureQuestion, randomStages } from "./tile-problems.ts";

const classes = [...allClasses, { shape: "hub", objective: "throughput" } as const];
const problems = longRun ? 2000 : 60;

function tilesOf(stages: readonly TiledStage[]): TileStage[] {
  return stages.map(({ nodes, devices, rows }) => ({
    nodes,
    devices,
    rows: rows.map(([from, to]) => ({ from, to })),
  }));
}

function placementWith(placement: readonly number[], stages: readonly TiledStage[]): number[] {
  const placed = [...placement];
  for (const { nodes, devices } of stages) {
    for (const node of nodes) placed[node] = devices[0] as number;
  }
  return placed;
}

test.each(classes)(
  "tile-parallel stages cost what counting rows gives: $shape, $objective",
  (kind) => {
    let compared = 0;
    let several = 0;
    for (let seed = 1; seed <= problems; seed++) {
      const question = randomPictureQuestion(seed, kind);
      const problem = toProblem(question);
      const oracle = createTileOracle(question);
      const random = createRandom(seed);
      for (let trial = 0; trial < 8; trial++) {
        const base = problem.index.graph.nodes.map(() => random.integer(problem.devices.length));
        const stages = randomStages(random, question);
        if (stages.length === 0) continue;
        const placement = placementWith(base, stages);
        const found = evaluate(problem, placement, tilesOf(stages));
        const figures = oracle.cost(placement, stages);
        const where = `seed ${seed}, trial ${trial}`;
        expect(found.type, where).toBe(figures === null ? "infeasible" : "feasible");
        if (figures === null || found.type === "infeasible") continue;
        compared++;
        if (stages.some(({ devices }) => devices.length > 1)) several++;
        for (const name of ["value", "latencySeconds", "periodSeconds", "energyJoules"] as const) {
          expectNear(found[name], figures[name], `${where}: ${name}`);
        }
        found.memoryBytes.forEach((bytes, device) => {
          expectNear(bytes, figures.memoryBytes[device] as number, `${where}: memory`);
        });
      }
    }
    expect(compared).toBeGreaterThan(problems / 4);
    expect(several).toBeGreaterThan(problems / 10);
  },
);

test.each(classes)(
  "a stage of one member costs what it costs alone: $shape, $objective",
  (kind) => {
    let compared = 0;
    for (let seed = 1; seed <= problems; seed++) {
      const question = randomPictureQuestion(seed, kind);
      const problem = toProblem(question);
      // A stage may not have only some of the nodes that must stay together.
      if (problem.groups.length > 0) continue;
      const random = createRandom(seed);
      const base = problem.index.graph.nodes.map(() => random.integer(problem.devices.length));
      const stages = randomStages(random, question).map(({ nodes, devices, rows }) => ({
        nodes,
        devices: devices.slice(0, 1),
        rows: [[0, rows.at(-1)?.[1] as number] as const],
      }));
      const placement = placementWith(base, stages);
      const [alone, staged] = [
        evaluate(problem, placement),
        evaluate(problem, placement, tilesOf(stages)),
      ];
      // A pipeline may not come back to a device, and two stages on one are two.
      expect(staged.type).toBe(alone.type);
      if (staged.type === "infeasible" || alone.type === "infeasible") continue;
      compared++;
      const { latencySeconds, value, ...figures }: Evaluation = staged;
      expectNear(latencySeconds, alone.latencySeconds, "latency");
      expectNear(value, alone.value, "value");
      if (problem.objective.type !== "throughput") continue;
      expect({ ...figures, latencySeconds: alone.latencySeconds, value: alone.value }).toEqual(
        alone,
      );
    }
    expect(compared).toBeGreaterThan(problems / 15);
  },
);

function expectNear(found: number, expected: number, where: string): void {
  expect(Math.abs(found - expected), where).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
}
