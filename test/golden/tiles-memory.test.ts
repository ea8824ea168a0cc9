import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readProfile } from "../../src/cost/profile.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { clock } from "../conformance/planner.ts";

const url = new URL("../../bench/profiles/vgg16.profile.json", import.meta.url);
const profile = readProfile(readFileSync(url, "utf8"));

/** One device, of which so many bytes may be used. */
function alone(memoryBytes?: number): Problem {
  const topology = readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: [{ name: "board" }],
      links: [],
      source: "board",
    }),
  );
  const limits = memoryBytes === undefined ? { tiles: true } : { tiles: true, memoryBytes };
  return createProblem(profile, topology, { type: "latency" }, limits);
}

const free = alone();
const everything = free.index.graph.nodes.map(() => 0);
const whole = evaluate(free, everything);
const needed = whole.type === "feasible" ? (whole.memoryBytes[0] as number) : Number.NaN;

test("a device with room for three quarters of VGG-16's tensors runs its beginning in tiles, for no more time than halos take", () => {
  // The two largest tensors, of the first block.
  const room = needed - 2 * 64 * 224 * 224 * 4 * 0.3;
  expect(evaluate(alone(room), everything)).toMatchObject({ type: "infeasible" });
  const plan = runPlanner(exact, alone(room), { seed: 1, clock });
  expect(plan).toHaveProperty("format");
  if (!("format" in plan) || whole.type === "infeasible") return;
  expect(plan.claimed.memoryBytes["board"]).toBeLessThanOrEqual(room);
  expect(plan.claimed.latencySeconds).toBeLessThan(1.001 * whole.latencySeconds);
  expect(plan.stages.map(({ nodes, devices, tiles }) => [nodes.length, devices, tiles])).toEqual([
    [
      3,
      ["board"],
      [
        { device: "board", rows: [0, 56] },
        { device: "board", rows: [56, 112] },
      ],
    ],
    [19, ["board"], undefined],
  ]);
});

test("where there is room for the whole nothing is cut", () => {
  const plan = runPlanner(exact, alone(needed), { seed: 1, clock });
  expect(plan).toMatchObject({ guarantee: "optimal", stages: [{ devices: ["board"] }] });
});
