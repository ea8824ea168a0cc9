import type { Tier } from "../../cost/topology.ts";
import { placementOf } from "../../plan/check.ts";
import { onCompressed } from "../../plan/compressed.ts";
import { evaluate } from "../../plan/evaluate.ts";
import type { Planner } from "../../plan/planner.ts";
import { single } from "../../plan/planners/single.ts";
import { planners } from "../../plan/planners.ts";
import { createProblem, type Placement, type Problem } from "../../plan/problem.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import { answerOf } from "../answer.ts";
import { type InputWidth, inputBytesFor } from "../device-pair.ts";
import type { StudyHost, StudyProgress } from "../study.ts";
import { type LinkSet, linkSets, type TierGrid, tierNames, tierTopology } from "./setting.ts";

/** A planner, and the tiers that it may use. */
export interface Method {
  readonly name: string;
  readonly planner: Planner;
  readonly among: readonly Tier[];
}

/** What one method made of one problem. */
export interface Outcome {
  readonly latencySeconds: number;
  /** Over all links that end at the cloud. */
  readonly backboneBytes: number;
  /** Tiers that run nodes, from the device on. */
  readonly tiers: readonly string[];
}

/** One problem and everybody's answer. */
export interface TierCell {
  readonly network: ZooName;
  readonly input: InputWidth;
  readonly links: string;
  /** The least of `device`, `edge` and `cloud`. */
  readonly bestSingle: number;
  /** By method; one that gave no plan is left out. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
  /** The best proven by anyone. */
  readonly bound: number;
  /** Why, by method. */
  readonly refused: Readonly<Record<string, string>>;
}

const pairs = [
  ["device–edge", ["device", "edge"]],
  ["edge–cloud", ["edge", "cloud"]],
] as const;

/** Single tiers, planners for two devices on either pair of neighbours, then all on three tiers. */
export function tierMethods(guests: readonly Planner[]): readonly Method[] {
  const find = (name: string): Planner[] =>
    Object.hasOwn(planners, name) ? [planners[name] as Planner] : [];
  const onThree = (planner: Planner): Method => ({ name: planner.name, planner, among: tierNames });
  return [
    ...tierNames.map((tier) => ({ name: tier, planner: single, among: [tier] })),
    ...["neurosurgeon", "dads"].flatMap((name) =>
      find(name).flatMap((planner) =>
        pairs.map(([pair, among]) => ({ name: `${name} ${pair}`, planner, among })),
      ),
    ),
    ...["d3", "d3-look-ahead", "d3-exact"].flatMap((name) => find(name).map(onThree)),
    ...find("d3").map((planner) => onThree(onCompressed(planner))),
    ...["exact", "auto"].flatMap((name) => find(name).map(onThree)),
    ...guests.map(onThree),
  ];
}

/** Asks all methods all problems of a grid. */
export function* measureTiers(
  grid: TierGrid,
  methods: readonly Method[],
  host: StudyHost,
): Generator<StudyProgress, TierCell[]> {
  const cells: TierCell[] = [];
  const settings = grid.networks.flatMap((network) =>
    grid.inputs.flatMap((input) => linkSets.map((links) => ({ network, input, links }))),
  );
  for (const [position, setting] of settings.entries()) {
    const cell = measureCell(setting, methods, grid, host);
    if (cell !== null) cells.push(cell);
    yield {
      share: (position + 1) / settings.length,
      label: `${setting.network}, ${setting.links.name}`,
    };
  }
  return cells;
}

interface Setting {
  readonly network: ZooName;
  readonly input: InputWidth;
  readonly links: LinkSet;
}

/** `null` if the network has no input of that kind. */
function measureCell(
  { network, input, links }: Setting,
  methods: readonly Method[],
  { limitSeconds }: TierGrid,
  { profileOf, clock, solver }: StudyHost,
): TierCell | null {
  const profile = profileOf(network);
  const inputBytes = inputBytesFor(profile.graph, input);
  if (inputBytes === null) return null;
  const whole = createProblem(profile, tierTopology(links, inputBytes), { type: "latency" });
  const outcomes: Record<string, Outcome> = {};
  const refused: Record<string, string> = {};
  let bound = 0;
  for (const { name, planner, among } of methods) {
    const topology = tierTopology(links, inputBytes, among);
    const problem = createProblem(profile, topology, { type: "latency" });
    const answer = answerOf(planner, problem, { clock, solver, limitSeconds });
    if (answer.plan === null) refused[name] = answer.reason ?? "";
    else outcomes[name] = outcomeOf(whole, placementOf(whole, answer.plan));
    // A bound holds for the tiers that the planner was asked about.
    if (among.length === tierNames.length) bound = Math.max(bound, answer.bound ?? 0);
  }
  const wholes = tierNames.flatMap((tier) => outcomes[tier]?.latencySeconds ?? []);
  const bestSingle = Math.min(...wholes);
  return { network, input, links: links.name, bestSingle, outcomes, bound: round(bound), refused };
}

/** What a placement costs on all tiers: one that only relays would work at its boundary for nothing. */
function outcomeOf(problem: Problem, placement: Placement): Outcome {
  const found = evaluate(problem, placement);
  if (found.type === "infeasible") throw new Error(found.reason);
  const { topology, hops } = problem;
  const backbone = found.hops.filter(({ link }) => {
    const ends = topology.links[link];
    return ends?.from === "cloud" || ends?.to === "cloud";
  });
  const used = new Set(placement.map((device) => problem.devices[device]?.tier));
  return {
    latencySeconds: round(found.latencySeconds),
    backboneBytes: backbone.reduce((sum, { link, tensor }) => sum + hops.bytes(link, tensor), 0),
    tiers: tierNames.filter((tier) => used.has(tier)),
  };
}

/** More digits than node seconds are measured to; fewer make differences between runs readable. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

/** A cell in words. */
export function describeCell({ network, links, input }: TierCell): string {
  return `${network}, ${links}, ${input} input`;
}

/** The least value that anybody found. */
export function bestOf({ outcomes }: TierCell): number {
  return Math.min(...Object.values(outcomes).map(({ latencySeconds }) => latencySeconds));
}
