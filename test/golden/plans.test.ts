import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.ts";
import type { Profile } from "../../src/cost/profile.ts";
import type { Topology } from "../../src/cost/topology.ts";
import { parseObjective } from "../../src/plan/objective.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { createProblem, type Limits } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { modelledProfile } from "../fixtures/modelled-profile.ts";
import { capped, exclusive, hub, line, triangle } from "./topologies.ts";

type Question = readonly [topology: string, objective: string, limits?: Limits];

const topologies: Readonly<Record<string, Topology>> = { line, triangle, exclusive, capped, hub };
const objectives: readonly (readonly [string, Limits])[] = [
  ["latency", {}],
  ["throughput", {}],
  ["energy", {}],
  ["latency + 0.05 s/J · energy", {}],
  ["throughput", { keepLocal: 3 }],
];
/** Planners that draw lots draw these. */
const seed = 1;
const clock = { now: () => seconds(0), sleep: async () => undefined };

test.each(["alexnet", "squeezenet", "mobilenetv2", "resnet18"] as const)(
  "plans for %s are what they were",
  async (network) => {
    const questions = ["line", "triangle"].flatMap((topology) =>
      objectives.map(([objective, limits]): Question => [topology, objective, limits]),
    );
    await expect(answers(modelledProfile(network), questions)).toMatchFileSnapshot(
      `${network}.json`,
    );
  },
);

test.each(["squeezenet", "mobilenetv2", "googlenet"] as const)(
  "plans for %s on memory limits, exclusive devices and a hub of equal ones are what they were",
  async (network) => {
    const questions: Question[] = [
      ["exclusive", "throughput"],
      ["capped", "latency"],
      ["capped", "throughput"],
      ["hub", "throughput"],
      ["line", "energy", { latencySeconds: 0.4 }],
    ];
    await expect(answers(modelledProfile(network), questions)).toMatchFileSnapshot(
      `${network}-limits.json`,
    );
  },
);

test.each(["squeezenet", "mobilenetv2"] as const)(
  "plans for %s with a codec are what they were",
  async (network) => {
    const questions = ["line", "triangle"].flatMap((topology): Question[] => [
      [topology, "latency"],
      [topology, "energy"],
      [topology, "throughput"],
    ]);
    await expect(answers(withCodec(modelledProfile(network)), questions)).toMatchFileSnapshot(
      `${network}-codec.json`,
    );
  },
);

function answers(profile: Profile, questions: readonly Question[]): string {
  const plans = questions.map(([name, objective, limits = {}]) => {
    const topology = topologies[name] as Topology;
    const problem = createProblem(profile, topology, parseObjective(objective), limits);
    const plan = runPlanner(exact, problem, { seed, clock });
    if ("type" in plan) return { topology: name, objective, limits, infeasible: plan.reason };
    return { topology: name, objective, limits, ...summarise(plan) };
  });
  return `${JSON.stringify(plans, null, 1)}\n`;
}

/** Halves what a node makes; half of the tensors, so that there is something to choose. */
function withCodec({ graph, ...profile }: Profile): Profile {
  const half = { ratio: 2, encodeSecondsPerByte: 2e-9, decodeSecondsPerByte: 1e-9 };
  const tensors = graph.tensors.map((tensor, position) =>
    graph.inputs.includes(tensor.name) || position % 2 === 0
      ? tensor
      : { ...tensor, codecs: { half } },
  );
  return { ...profile, graph: { ...graph, tensors } };
}

/** What a reader of a difference wants to see. */
function summarise({ claimed, guarantee, gap, stages, bottleneck, transfers }: Plan) {
  const rounded = (value: number): number => Number(value.toPrecision(9));
  const coded = transfers.flatMap(({ tensor, codec }) =>
    codec === undefined ? [] : [`${tensor}: ${codec}`],
  );
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
    ...(coded.length === 0 ? {} : { coded }),
  };
}
