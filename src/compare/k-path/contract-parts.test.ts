import { expect, test } from "vitest";
import { modelledProfile } from "../../../test/fixtures/modelled-profile.ts";
import { bytes, seconds } from "../../base/units.ts";
import { exact } from "../../plan/planners/exact.ts";
import { kpath } from "../../plan/planners/kpath.ts";
import { createProblem } from "../../plan/problem.ts";
import { runPlanner } from "../../plan/run-planner.ts";
import { roomForOnePart } from "../kpath-chain.ts";
import { wifiTopology } from "../wifi-topology.ts";
import { contractParts } from "./contract-parts.ts";

const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

test("the parts of a plan are placed anew, one a device, never worse and with the same work", () => {
  const profile = modelledProfile("resnet18");
  const topology = wifiTopology({ devices: 10, seed: 3, memoryBytes: 56 * 2 ** 20, sink: "d0" });
  const plan = runPlanner(kpath, createProblem(profile, topology, { type: "throughput" }), {
    seed: 1,
    clock,
  });
  expect(plan).toHaveProperty("format");
  if (!("format" in plan)) return;
  const parts = contractParts(profile, plan);
  expect(parts.graph.nodes).toHaveLength(plan.stages.length);
  const [kind] = Object.values(parts.devices);
  const total = (kind?.nodeSeconds ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const whole = Object.values(profile.devices)[0]?.nodeSeconds ?? [];
  expect(total).toBeCloseTo(
    whole.reduce<number>((sum, value) => sum + (value ?? 0), 0),
    9,
  );
  const devices = topology.devices.map((device) => ({
    ...device,
    memoryBytes: bytes(roomForOnePart),
  }));
  const anew = createProblem(parts, { ...topology, devices }, { type: "throughput" });
  const placed = runPlanner(exact, anew, { seed: 1, clock });
  expect(placed).toHaveProperty("format");
  if (!("format" in placed)) return;
  expect(placed.stages).toHaveLength(plan.stages.length);
  expect(placed.claimed.periodSeconds).toBeLessThanOrEqual(plan.claimed.periodSeconds * (1 + 1e-9));
});
