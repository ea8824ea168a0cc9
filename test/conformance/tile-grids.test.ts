import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { gridRegions } from "../../src/graph/grid.ts";
import { extentsOf } from "../../src/graph/tile.ts";
import type { Rows, Window } from "../../src/graph/window.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { solveChain } from "../../src/plan/planners/exact-tiles/chain.ts";
import { ChainCosts, type Holding } from "../../src/plan/planners/exact-tiles/chain-costs.ts";
import { layChain } from "../../src/plan/planners/exact-tiles/chain-layout.ts";
import { gridsOf, neighboursOfGrid } from "../../src/plan/planners/exact-tiles/grids.ts";
import { groupModel } from "../../src/plan/planners/pso/group-model.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import type { TileStage } from "../../src/plan/tiles.ts";
import { randomStrips } from "../fixtures/strips.ts";

/** The same with rows for columns, in the graph and in the stages. */
function transposed(problem: Problem): Problem {
  const turn = (values: readonly number[]): number[] => [values[1] as number, values[0] as number];
  const turnWindow = (window: Window): Window => ({
    kernel: turn(window.kernel),
    stride: turn(window.stride),
    dilation: turn(window.dilation),
    padBegin: turn(window.padBegin),
    padEnd: turn(window.padEnd),
  });
  return withGraph(problem, (graph) => ({
    ...graph,
    tensors: graph.tensors.map((tensor) => ({
      ...tensor,
      shape: [...tensor.shape.slice(0, 2), ...turn(tensor.shape.slice(2))],
    })),
    nodes: graph.nodes.map(({ window, ...node }) =>
      window === undefined ? node : { ...node, window: turnWindow(window) },
    ),
  }));
}

function withGraph(problem: Problem, change: (graph: Graph) => Graph): Problem {
  const { profile, topology, objective, limits } = problem;
  return createProblem({ ...profile, graph: change(profile.graph) }, topology, objective, limits);
}

/** Pictures as wide as they are high, with the windows of the rows along both axes. */
function squared(problem: Problem): Problem {
  return withGraph(problem, (graph) => ({
    ...graph,
    tensors: graph.tensors.map((tensor) => ({
      ...tensor,
      shape: [1, 1, tensor.shape[2] as number, tensor.shape[2] as number],
    })),
    nodes: graph.nodes.map(({ window, ...node }) => {
      if (window === undefined) return node;
      const both = (values: readonly number[]): number[] => [
        values[0] as number,
        values[0] as number,
      ];
      return {
        ...node,
        window: {
          kernel: both(window.kernel),
          stride: both(window.stride),
          dilation: both(window.dilation),
          padBegin: both(window.padBegin),
          padEnd: both(window.padEnd),
        },
      };
    }),
  }));
}

/** The last node alone, and all before it by a grid. */
function gridStage(
  random: Random,
  problem: Problem,
  rows: number,
  columns: number,
): TileStage | null {
  const { index, devices } = problem;
  const last = index.graph.nodes.findLastIndex(({ window }) => window !== undefined);
  if (last < 0) return null;
  const nodes = Array.from({ length: last + 1 }, (_, node) => node);
  const regions = gridRegions(extentsOf(index, index.nodeOutputs[last]?.[0]), rows, columns);
  return {
    nodes,
    devices: regions.map(() => random.integer(devices.length)),
    rows: regions.map(([own]) => own as Rows),
    columns: regions.map(([, own]) => own as Rows),
  };
}

function turned({ rows, columns, ...stage }: TileStage): TileStage {
  return { ...stage, rows: columns ?? [], columns: rows };
}

test("rows and columns may change places in graphs and stages, and nothing costs more or less", () => {
  let compared = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = createRandom(seed);
    const size = { nodes: 4, height: 7, devices: 3, objective: "latency" as const };
    const problem = squared(randomStrips(random, size));
    const stage = gridStage(random, problem, 1 + random.integer(3), 1 + random.integer(3));
    if (stage === null) continue;
    const placement = problem.index.graph.nodes.map((_, node) =>
      stage.nodes.includes(node) ? (stage.devices[0] as number) : 0,
    );
    const found = evaluate(problem, placement, [stage]);
    const other = evaluate(transposed(problem), placement, [turned(stage)]);
    expect(other.type, `seed ${seed}`).toBe(found.type);
    if (found.type === "infeasible" || other.type === "infeasible") continue;
    expect(other.latencySeconds, `seed ${seed}`).toBeCloseTo(found.latencySeconds, 9);
    expect(other.periodSeconds, `seed ${seed}`).toBeCloseTo(found.periodSeconds, 9);
    expect(other.memoryBytes, `seed ${seed}`).toEqual(found.memoryBytes);
    compared++;
  }
  expect(compared).toBeGreaterThan(40);
});

test("columns of a picture one position wide are all of them: a grid of one column is strips", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed);
    const size = { nodes: 4, height: 7, devices: 3, objective: "latency" as const };
    const problem = randomStrips(random, size);
    const stage = gridStage(random, problem, 3, 1);
    if (stage === null) continue;
    const { columns: _, ...strips } = stage;
    const placement = problem.index.graph.nodes.map((_, node) =>
      stage.nodes.includes(node) ? (stage.devices[0] as number) : 0,
    );
    expect(evaluate(problem, placement, [stage]), `seed ${seed}`).toEqual(
      evaluate(problem, placement, [strips]),
    );
  }
});

/** The ways to share in grids that are looked at by name, at every cut of a chain of stages. */
function gridsAt(costs: ChainCosts, cut: number, devices: readonly number[]): Holding[] {
  if ((costs.model.tiledReach[cut - 1] as number) < cut) return [];
  const [height, width] = [costs.height(cut), costs.width(cut)];
  const grids = [...gridsOf(devices, height, width, (device) => 1 + device)];
  return grids.flatMap((grid) => [grid, ...neighboursOfGrid(grid, height, width)].slice(0, 5));
}

test("chains of stages in grids cost what they are evaluated to, whatever stands before and behind", () => {
  let [compared, shared] = [0, 0];
  for (let seed = 1; seed <= 20; seed++) {
    const size = { nodes: 4, height: 7, devices: 4, objective: "latency" as const };
    const problem = squared(randomStrips(createRandom(seed), size));
    const model = drained(groupModel(problem));
    const costs = new ChainCosts(model);
    const cuts = Array.from({ length: model.count + 1 }, (_, cut) => cut);
    const strips: Holding = { devices: [0, 1], ends: [1, 2] };
    const chains = drained(
      solveChain(costs, {
        candidates: cuts.map((cut) => {
          if (cut === 0 || (model.tiledReach[cut - 1] as number) < cut) return [];
          const height = costs.height(cut);
          const own = height < 2 ? [] : [{ ...strips, ends: [1, height] }];
          return [...own, ...gridsAt(costs, cut, [0, 1, 2, 3]), ...gridsAt(costs, cut, [2, 0, 3])];
        }),
        members: model.pieces.runners,
        isStart: cuts.map(() => true),
        width: Number.POSITIVE_INFINITY,
        high: Number.POSITIVE_INFINITY,
        rest: new Float64Array(model.count + 1),
        ledger: null,
      }),
    );
    for (const { seconds, steps } of chains) {
      const { placement, tiles } = layChain(model, steps);
      const found = evaluate(problem, placement, tiles);
      expect(found.type === "feasible" && found.latencySeconds, `seed ${seed}`).toBeCloseTo(
        seconds,
        9,
      );
      compared++;
      if (tiles.some(({ columns }) => columns !== undefined)) shared++;
    }
  }
  expect(compared).toBeGreaterThan(100);
  expect(shared).toBeGreaterThan(40);
});

function drained<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}
