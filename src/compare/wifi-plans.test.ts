import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { modelledProfile } from "../../test/fixtures/modelled-profile.ts";
import { seconds } from "../base/units.ts";
import { exact } from "../plan/planners/exact.ts";
import { createProblem } from "../plan/problem.ts";
import { runPlanner } from "../plan/run-planner.ts";
import { chainProfile, readKpathChain } from "./kpath-chain.ts";
import { wifiTopology } from "./wifi-topology.ts";

const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

test.each([
  ["ResNet50", 64],
  ["InceptionResNetV2", 128],
] as const)(
  "%s below %d MiB on fifty devices keeps memory, and nothing is better",
  (model, cap) => {
    const file = `bench/data/kpath/${model}.json`;
    const profile = chainProfile(readKpathChain(readFileSync(file, "utf8"), file));
    const memoryBytes = cap * 2 ** 20;
    const topology = wifiTopology({ devices: 50, seed: 2, memoryBytes, inputBytes: { input: 0 } });
    const problem = createProblem(profile, topology, { type: "throughput" });
    const plan = runPlanner(exact, problem, { seed: 1, clock });
    expect(plan).toMatchObject({
      guarantee: "optimal",
      method: "threshold search over chains of pieces",
    });
    if (!("format" in plan)) return;
    expect(plan.stages.length).toBeGreaterThan(3);
    for (const bytes of Object.values(plan.claimed.memoryBytes)) {
      expect(bytes).toBeLessThanOrEqual(memoryBytes);
    }
  },
);

test("a plan on many devices names the class in which it is the best", () => {
  const memoryBytes = 96 * 2 ** 20;
  const topology = wifiTopology({ devices: 30, seed: 1, memoryBytes, sink: "d0" });
  const profile = modelledProfile("mobilenetv2");
  const problem = createProblem(profile, topology, { type: "throughput" });
  const plan = runPlanner(exact, problem, { seed: 1, clock });
  expect(plan).toMatchObject({ guarantee: "optimal-in-class", class: "chains-of-pieces" });
  expect("gap" in plan && plan.gap).toBeGreaterThan(0);
});
