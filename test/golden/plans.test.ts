import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { planners } from "../../src/plan/planners.ts";
import { createProblem, type Limits } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { modelledProfile } from "../fixtures/modelled-profile.ts";

/** Three tiers in a line: the machines of the README. */
const line = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, tier: device, speed: 0.1, memory: 512 MiB, power: { busy: 4 W, idle: 1.5 W } }
  - { name: gateway, tier: edge, speed: 0.5, power: { busy: 12 W, idle: 6 W } }
  - { name: cloud, tier: cloud, power: { busy: 90 W, idle: 40 W } }
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s, latency: 2 ms, energy: 0.1 uJ/bit }
  - { from: gateway, to: cloud, bandwidth: 20 Mbit/s, latency: 15 ms }
  - { from: cloud, to: gateway, bandwidth: 80 Mbit/s, latency: 15 ms }
source: camera
`);

/** The same machines with a direct link that is cheaper than relaying. */
const triangle = {
  ...line,
  links: [
    ...line.links,
    ...line.links.slice(0, 2).map((link) => ({
      ...link,
      from: link.from === "gateway" ? "cloud" : link.from,
      to: link.to === "gateway" ? "cloud" : link.to,
    })),
  ],
};

const objectives: readonly (readonly [string, Limits])[] = [
  ["latency", {}],
  ["throughput", {}],
  ["energy", {}],
  ["latency + 0.05 s/J · energy", {}],
  ["throughput", { keepLocal: 3 }],
];
const networks = ["alexnet", "squeezenet", "mobilenetv2", "resnet18"] as const;
/** Planners that draw lots draw these. */
const seed = 1;
const clock = { now: () => seconds(0), sleep: async () => undefined };

test.each(networks)("plans for %s are what they were", async (network) => {
  const profile = modelledProfile(network);
  const plans = Object.entries({ line, triangle }).flatMap(([name, topology]) =>
    objectives.map(([objective, limits]) => {
      const problem = createProblem(profile, topology, parseObjective(objective), limits);
      const exact = planners["exact"];
      if (exact === undefined) throw new Error("the planner 'exact' is missing");
      const plan = runPlanner(exact, problem, { seed, clock });
      if ("type" in plan) return { topology: name, objective, limits, infeasible: plan.reason };
      return { topology: name, objective, limits, ...summarise(plan) };
    }),
  );
  await expect(`${JSON.stringify(plans, null, 1)}\n`).toMatchFileSnapshot(`${network}.json`);
});

/** What a reader of a difference wants to see. */
function summarise({ claimed, guarantee, gap, stages, bottleneck }: Plan) {
  const rounded = (value: number): number => Number(value.toPrecision(9));
  return {
    guarantee,
    gap: gap === null ? null : rounded(gap),
    latencySeconds: rounded(claimed.latencySeconds),
    periodSeconds: rounded(claimed.periodSeconds),
    energyJoules: rounded(claimed.energyJoules),
    stages: stages.map(
      ({ devices, nodes }) => `${devices.join()}: ${nodes.length} from ${nodes[0]}`,
    ),
    bottleneck,
  };
}
