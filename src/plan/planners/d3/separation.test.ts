import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Clock } from "../../../base/clock.ts";
import { seconds } from "../../../base/units.ts";
import { readProfile } from "../../../cost/profile.ts";
import { readTopology } from "../../../cost/topology-file.ts";
import { createProblem, type Problem } from "../../problem.ts";
import { runPlanner } from "../../run-planner.ts";
import { d3, d3BestRun } from "../d3.ts";
import { gridOf } from "./separation.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const url = new URL("../../../../bench/profiles/vgg16.profile.json", import.meta.url);
const profile = readProfile(readFileSync(url, "utf8"));

/** A slow camera, edge devices and a cloud that is far away. */
function tiers(edges: number, isShared = true): Problem {
  const names = Array.from({ length: edges }, (_, edge) => `edge${edge}`);
  const near = ["camera", ...names];
  const topology = readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: [
        { name: "camera", tier: "device", speed: 0.01 },
        ...names.map((name) => ({ name, tier: "edge", speed: 0.2 })),
        { name: "cloud", tier: "cloud", speed: 30 },
      ],
      links: [
        ...near.flatMap((one, at) =>
          near.slice(at + 1).map((other) => ({ between: [one, other], bandwidth: "1 Gbit/s" })),
        ),
        { between: ["edge0", "cloud"], bandwidth: "1 kbit/s" },
      ],
      source: "camera",
    }),
  );
  return createProblem(profile, topology, { type: "latency" }, isShared ? { tiles: true } : {});
}

test.each([
  [2, 2, 1],
  [3, 3, 1],
  [4, 2, 2],
  [6, 3, 2],
])("%i tiles make a grid of %i rows and %i columns", (tiles, rows, columns) => {
  expect(gridOf(tiles)).toEqual({ rows, columns });
});

test("four devices of the edge share all of VGG-16 that is made by rows and columns, two by two", () => {
  const plan = runPlanner(d3, tiers(4), { seed: 1, clock });
  expect(plan).toHaveProperty("format");
  if (!("format" in plan)) return;
  const shared = plan.stages.filter(({ tiles }) => tiles !== undefined);
  expect(shared).toHaveLength(1);
  expect(shared[0]?.tiles).toEqual([
    { device: "edge0", rows: [0, 3], columns: [0, 3] },
    { device: "edge1", rows: [0, 3], columns: [3, 7] },
    { device: "edge2", rows: [3, 7], columns: [0, 3] },
    { device: "edge3", rows: [3, 7], columns: [3, 7] },
  ]);
});

test("a shorter run is worth more than all of it, and than none", () => {
  const latency = (plan: ReturnType<typeof runPlanner>): number =>
    "format" in plan ? plan.claimed.latencySeconds : Number.NaN;
  const alone = latency(runPlanner(d3, tiers(1), { seed: 1, clock }));
  const whole = latency(runPlanner(d3, tiers(4), { seed: 1, clock }));
  const best = latency(runPlanner(d3BestRun, tiers(4), { seed: 1, clock }));
  expect(best).toBeLessThan(whole);
  expect(best).toBeLessThan(0.8 * alone);
});

test("several devices on the edge are refused where stages are not shared", () => {
  expect(d3.refuses(tiers(1, false))).toBeNull();
  expect(d3.refuses(tiers(2, false))).toContain("--tiles");
});
