import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pairTopology } from "../../src/compare/device-pair.ts";
import { type Profile, readProfile } from "../../src/cost/profile.ts";
import { nominalState } from "../../src/cost/state.ts";
import { additiveCosts } from "../../src/plan/additive.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { createSplittingModel } from "../../src/plan/planners/cic/splitting-model.ts";
import { createRowCut } from "../../src/plan/planners/exact-line.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";

const folder = new URL("../../bench/profiles/", import.meta.url);
const bandwidths = Array.from({ length: 40 }, (_, step) => 1e5 * 10 ** (step / 10));

test.each(readdirSync(folder))(
  "on %s every decision is the best one-way placement, at 40 bandwidths and three loads",
  (file) => {
    const profile = withoutCodecs(readProfile(readFileSync(new URL(file, folder), "utf8"), file));
    const nominal = problemOf(profile, 10, bandwidths[0] as number);
    const model = createSplittingModel(nominal);
    if (model.type === "refused") throw new Error(model.reason);
    expect(model.mostSlowDown).toBeCloseTo(10, 9);
    for (const load of [1, 2.5, 9]) {
      for (const bandwidth of bandwidths) {
        const now = problemOf(profile, 10 / load, bandwidth);
        const state = { ...nominalState(now.topology), slowDown: [1, load] };
        const decision = model.decide(state);
        const found = evaluate(now, model.expand(decision?.placement ?? []));
        const best = leastOneWay(now);
        const where = `${bandwidth} bit/s, load ${load}`;
        expect(Math.abs((decision?.cost ?? 0) / best - 1), where).toBeLessThan(1e-9);
        expect("value" in found && found.value / best - 1, where).toBeLessThan(1e-9);
      }
    }
  },
);

function problemOf(profile: Profile, serverFactor: number, bandwidth: number): Problem {
  const topology = pairTopology({
    deviceSpeed: 0.05,
    serverFactor,
    bandwidthBitsPerSecond: bandwidth,
    latencySeconds: 0.002,
  });
  return createProblem(profile, topology, { type: "latency" });
}

function withoutCodecs(profile: Profile): Profile {
  const tensors = profile.graph.tensors.map(({ codecs: _, ...tensor }) => tensor);
  return { ...profile, graph: { ...profile.graph, tensors } };
}

/** One minimum cut of the whole graph, in which nothing but the answer comes back. */
function leastOneWay(problem: Problem): number {
  const { index } = problem;
  const costs = additiveCosts(problem);
  if (costs === null) throw new Error("no sum");
  const boundaries = {
    devices: [0, 1],
    node: costs.node,
    up: (tensor: number) => costs.hop(tensor, 0),
    down: (tensor: number) =>
      index.outputs.includes(tensor) ? costs.hop(tensor, 1) : Number.POSITIVE_INFINITY,
  };
  return createRowCut(problem, boundaries).solve(boundaries)?.bound ?? Number.NaN;
}
