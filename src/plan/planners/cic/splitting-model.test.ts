import { expect, test } from "vitest";
import {
  between,
  type NodeSketch,
  problemOf,
  type Sketch,
} from "../../../../test/fixtures/sketch.ts";
import { createRandom, type Random } from "../../../base/random.ts";
import { nominalState, type State } from "../../../cost/state.ts";
import { evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import { problemAt } from "../../problem-at.ts";
import { createSplittingModel, type SplittingModel } from "./splitting-model.ts";

const longRun = process.env["PARTITA_TEST_LONG"] === "1";

test("a chain keeps one cut for each record minimum and needs no minimum cut", () => {
  const model = modelOf(
    problemOf({ ...branches(), nodes: branches().nodes.slice(0, 1), outputs: ["x"] }),
  );
  expect(model.groups).toEqual([[0]]);
  expect(model.segments).toEqual([]);
});

test("a segment whose inside may carry less than its entry is solved apart", () => {
  const model = modelOf(problemOf(branches()));
  expect(model.groups).toEqual([[0], [1], [2], [3]]);
  expect(model.segments).toEqual([{ entry: 0, end: 3 }]);
  const onSlowLink = model.decide(at(problemOf(branches()), 0.1, 1));
  expect(onSlowLink?.placement).toEqual([0, 0, 0, 0]);
  const asStated = model.decide(at(problemOf(branches()), 1, 1));
  expect(asStated?.placement).toEqual([0, 0, 0, 1]);
  expect(asStated?.cost).toBe(1 + 2 + 2 + 20 + 60);
});

test("it says up to which load of the server it holds, and decides nothing beyond", () => {
  const problem = problemOf(branches());
  const model = modelOf(problem);
  expect(model.mostSlowDown).toBe(1.5);
  expect(model.decide(at(problem, 1, 1.5))).not.toBeNull();
  expect(model.decide(at(problem, 1, 1.6))).toBeNull();
});

test("every decision is the best one-way placement, in all states that the model holds for", () => {
  const problems = longRun ? 3000 : 150;
  const counts = { decided: 0, inside: 0 };
  for (let seed = 1; seed <= problems; seed++) {
    const random = createRandom(seed);
    const problem = problemOf(randomSketch(random));
    const model = createSplittingModel(problem);
    if (model.type === "refused") continue;
    for (let state = 0; state < 6; state++) {
      const where = `seed ${seed}, state ${state}`;
      const rate = 2 ** (random.integer(11) - 6);
      const load = Math.min(model.mostSlowDown, random.pick([1, 1, 1.25, 4]));
      const now = problemAt(problem, at(problem, rate, load));
      const decision = model.decide(at(problem, rate, load));
      const best = bestOneWay(now);
      expect(decision?.cost, where).toBeCloseTo(best, 9);
      const placement = model.expand(decision?.placement ?? []);
      expect(costOf(now, placement), where).toBeCloseTo(best, 9);
      counts.decided++;
      if (!isPrefix(decision?.placement ?? [])) counts.inside++;
    }
  }
  expect(counts.decided).toBeGreaterThan(problems * 3);
  expect(counts.inside).toBeGreaterThan(problems * 0.1);
});

/** A state with links that are `rate` times as fast, and a server `load` times slower. */
function at({ topology }: Problem, rate: number, load: number): State {
  const { bandwidthBitsPerSecond } = nominalState(topology);
  return {
    bandwidthBitsPerSecond: bandwidthBitsPerSecond.map((nominal) => nominal * rate),
    slowDown: [1, load],
  };
}

/** In the middle two branches that together carry less than what enters them. */
function branches(): Sketch {
  return {
    inputs: { in: 100 },
    nodes: [
      { name: "x", reads: ["in"], bytes: 60, seconds: [1, 0] },
      { name: "p", reads: ["x"], bytes: 10, seconds: [2, 0] },
      { name: "q", reads: ["x"], bytes: 10, seconds: [2, 0] },
      { name: "y", reads: ["p", "q"], bytes: 50, seconds: [90, 60] },
    ],
    outputs: ["y"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
  };
}

function modelOf(problem: Problem): SplittingModel {
  const model = createSplittingModel(problem);
  if (model.type === "refused") throw new Error(model.reason);
  return model;
}

function isPrefix(placement: Placement): boolean {
  return placement.every((device, group) => group === 0 || device >= (placement[group - 1] ?? 0));
}

function costOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}

/** Over all placements in which no node stands before one that feeds it. */
function bestOneWay(problem: Problem): number {
  let placements: number[][] = [[]];
  for (const predecessors of problem.index.predecessors) {
    placements = placements.flatMap((placement) => {
      const isBeyond = predecessors.some((before) => placement[before] === 1);
      return (isBeyond ? [1] : [0, 1]).map((device) => [...placement, device]);
    });
  }
  return Math.min(...placements.map((placement) => costOf(problem, placement)));
}

/** Branches that meet; no node is slower on the second device. */
function randomSketch(random: Random): Sketch {
  const latency = random.next() < 0.5;
  const tensors = random.next() < 0.2 ? ["in", "more"] : ["in"];
  const inputs = Object.fromEntries(tensors.map((name) => [name, 20 + random.integer(20)]));
  const read = new Set<string>();
  const count = 4 + random.integer(6);
  const sink = random.pick(["anywhere", "low", "high"]);
  const isOpen = sink !== "low" && random.next() < 0.3;
  const nodes = Array.from({ length: count }, (_, position): NodeSketch => {
    const reads = new Set(
      Array.from({ length: 1 + random.integer(2) }, () => random.pick(tensors.slice(-4))),
    );
    if (position === count - 1 && !isOpen) {
      for (const name of tensors) if (!read.has(name)) reads.add(name);
    }
    for (const name of reads) read.add(name);
    tensors.push(`t${position}`);
    const seconds = [random.integer(9), random.integer(9)].sort((a, b) => b - a);
    return { name: `t${position}`, reads: [...reads], bytes: 1 + random.integer(12), seconds };
  });
  const unread = tensors.filter((name) => !read.has(name) && !(name in inputs));
  return {
    inputs,
    nodes,
    outputs: isOpen ? unread : [tensors.at(-1) as string],
    devices: [{ name: "low" }, { name: "high", overheadSeconds: latency ? random.integer(2) : 0 }],
    links: between("low", "high", 1, latency ? random.integer(4) : 0),
    sink,
  };
}
