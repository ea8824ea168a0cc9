/**
 * The planner that is picked unless told is never worse than any other that one might have asked for.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { answerOf } from "../../src/compare/answer.ts";
import { readProfile, withoutCodecs } from "../../src/cost/profile.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import { auto, planners } from "../../src/plan/planners.ts";
import { createProblem, type Limits } from "../../src/plan/problem.ts";
import { modelledProfile } from "../fixtures/modelled-profile.ts";
import { capped, exclusive, hub, line, pair, triangle } from "./topologies.ts";

const topologies = { pair, line, triangle, exclusive, capped, hub };
const objectives: readonly (readonly [string, Limits])[] = [
  ["latency", {}],
  ["throughput", {}],
  ["energy", {}],
  ["latency", { keepLocal: 2 }],
];
const powered: readonly string[] = ["pair", "line", "triangle", "exclusive"];
const clock = { now: () => seconds(0), sleep: async () => undefined };

test.each(["resnet18", "mobilenetv2"] as const)(
  "no planner beats auto on %s where devices may share a stage",
  { timeout: 120_000 },
  (network) => {
    const file = new URL(`../../bench/profiles/${network}.profile.json`, import.meta.url);
    const profile = withoutCodecs(readProfile(readFileSync(file, "utf8")));
    const gains = [line, triangle, capped].map((topology) => {
      const answer = (tiles: boolean, name: string): number => {
        const problem = createProblem(profile, topology, { type: "throughput" }, { tiles });
        const planner = planners[name];
        if (planner === undefined || planner.refuses(problem) !== null) return Number.NaN;
        return answerOf(planner, problem, { clock }).value ?? Number.NaN;
      };
      const best = answer(true, "auto");
      for (const name of Object.keys(planners)) {
        const value = answer(true, name);
        if (!Number.isNaN(value)) expect(best, name).toBeLessThanOrEqual(value * (1 + 1e-9));
      }
      return answer(false, "auto") / best;
    });
    expect(Math.min(...gains), "whole nodes are allowed too").toBeGreaterThanOrEqual(1 - 1e-9);
    expect(Math.max(...gains), "some stage is worth sharing").toBeGreaterThan(1.01);
  },
);

test.each(["alexnet", "squeezenet", "mobilenetv2", "resnet18"] as const)(
  "no planner beats auto on %s",
  { timeout: 120_000 },
  (network) => {
    const profile = modelledProfile(network);
    const asked = new Set<string>();
    for (const [name, topology] of Object.entries(topologies)) {
      for (const [objective, limits] of objectives) {
        if (objective === "energy" && !powered.includes(name)) continue;
        const problem = createProblem(profile, topology, parseObjective(objective), limits);
        const best = answerOf(auto, problem, { clock }).value ?? Number.POSITIVE_INFINITY;
        for (const planner of Object.values(planners)) {
          if (planner.refuses(problem) !== null) continue;
          const { value } = answerOf(planner, problem, { clock });
          if (value === null) continue;
          asked.add(planner.name);
          const where = `${planner.name}: ${objective} on ${name}, ${JSON.stringify(limits)}`;
          expect(best, where).toBeLessThanOrEqual(value * (1 + 1e-9));
        }
      }
    }
    const silent = Object.keys(planners).filter((name) => !asked.has(name));
    expect(silent, "every planner answers some of these problems").toEqual([]);
  },
);
