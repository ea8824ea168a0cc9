import { expect, test } from "vitest";
import { enumerateLattice, type Lattice } from "../../src/graph/ideals.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { findLine } from "../../src/plan/line.ts";
import { LineReach, reversed } from "../../src/plan/planners/exact-throughput/line.ts";
import { mixedLoads } from "../../src/plan/planners/exact-throughput/mixture.ts";
import { unitModel } from "../../src/plan/planners/exact-throughput/model.ts";
import { isPipeline } from "../../src/plan/stages.ts";
import { toProblem } from "./planner.ts";
import { createOracle } from "./planner-oracle.ts";
import { randomQuestion } from "./planner-problems.ts";

const size = { nodes: 5, devices: 3, codecs: false };

test.each(["line", "mesh", "hub"] as const)(
  "weighted means of loads bound periods on a %s",
  (shape) => {
    let raised = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const question = randomQuestion(seed, { shape, objective: "throughput" }, size);
      const best = createOracle(question).best();
      let last = 0;
      for (const bound of mixedLoads(toProblem(question))) {
        expect(bound, `seed ${seed}`).toBeGreaterThanOrEqual(last);
        expect(bound, `seed ${seed}`).toBeLessThanOrEqual(best?.value ?? Number.POSITIVE_INFINITY);
        last = bound;
      }
      if (best !== null && last > 0.5 * best.value) raised++;
    }
    expect(raised).toBeGreaterThan(5);
  },
);

test("pipelines in the order of a line have a period if and only if one keeps it", () => {
  let tried = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const kind = { shape: "line", objective: "throughput" } as const;
    // Memory and further limits are left to `evaluate`.
    const { topology, ...question } = randomQuestion(seed, kind, size);
    const devices = topology.devices.map((device) => ({ ...device, memoryBytes: null }));
    const links = topology.links.map(({ medium: _, ...link }) => link);
    const problem = toProblem({
      ...question,
      topology: { ...topology, devices, links },
      limits: {},
    });
    const line = findLine(problem);
    if (line === null || line.devices.length < 2) continue;
    const model = unitModel(problem);
    const lattice = enumerateLattice(model.contraction.predecessors, 1000) as Lattice;
    for (const row of [line, reversed(line)]) {
      const best = bestInOrder(problem, row.devices);
      const reach = new LineReach(model, lattice, row);
      const below = Math.min(best * (1 - 1e-9), Number.MAX_VALUE);
      if (best > 0) expect(search(reach, below), `seed ${seed}`).toBeNull();
      if (best === Number.POSITIVE_INFINITY) continue;
      const found = search(reach, best * (1 + 1e-9));
      expect(found, `seed ${seed}`).not.toBeNull();
      expect(periodOf(problem, found ?? []), `seed ${seed}`).toBeCloseTo(best, 9);
      tried++;
    }
  }
  expect(tried).toBeGreaterThan(150);
});

function search(reach: LineReach, seconds: number): readonly number[] | null {
  const steps = reach.search(seconds, { steps: 0, most: 1e6 });
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The least period of placements whose tensors between nodes never go back along a row. */
function bestInOrder(problem: ReturnType<typeof toProblem>, row: readonly number[]): number {
  const { predecessors } = problem.index;
  const placement = predecessors.map(() => 0);
  let best = Number.POSITIVE_INFINITY;
  const place = (node: number): void => {
    if (node === placement.length) {
      if (isPipeline(problem.index, placement)) best = Math.min(best, periodOf(problem, placement));
      return;
    }
    const first = Math.max(
      0,
      ...(predecessors[node] ?? []).map((before) => row.indexOf(placement[before] as number)),
    );
    for (const device of row.slice(first)) {
      placement[node] = device;
      place(node + 1);
    }
  };
  place(0);
  return best;
}

function periodOf(problem: ReturnType<typeof toProblem>, placement: readonly number[]): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}
