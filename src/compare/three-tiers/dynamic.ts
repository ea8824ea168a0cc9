import type { Clock } from "../../base/clock.ts";
import { createRandom } from "../../base/random.ts";
import { topologyAt } from "../../cost/state.ts";
import { type Parameter, stateAt } from "../../plan/envelope/box.ts";
import { createDecider, type Decider } from "../../plan/envelope/decision.ts";
import type { Envelope } from "../../plan/envelope/file.ts";
import { runEnvelope } from "../../plan/envelope.ts";
import { evaluate } from "../../plan/evaluate.ts";
import type { Planner } from "../../plan/planner.ts";
import { publishedRules } from "../../plan/planners/d3/board.ts";
import { type Band, type Quantities, quantitiesOf } from "../../plan/planners/d3/drift.ts";
import { partition } from "../../plan/planners/d3/partition.ts";
import { type RankedGraph, rankNodes } from "../../plan/planners/d3/ranks.ts";
import { repartition } from "../../plan/planners/d3/repartition.ts";
import { exact } from "../../plan/planners/exact.ts";
import { createProblem, type Placement, type Problem } from "../../plan/problem.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import type { StudyHost, StudyProgress } from "../study.ts";
import { type LinkSet, linkSets, tierTopology } from "./setting.ts";
import { randomWalk, walkBox } from "./walk.ts";

export interface DynamicGrid {
  readonly networks: readonly ZooName[];
  readonly seeds: readonly number[];
  readonly steps: number;
  /** For building one envelope. */
  readonly envelopeSeconds: number;
  /** How many steps there are to each that the report keeps. */
  readonly keptEvery: number;
}

/** What one decider did in one step. */
export interface Decision {
  readonly decider: string;
  readonly seconds: number;
  readonly latencySeconds: number;
  /** Share of the nodes that were chosen anew; only of local re-partition. */
  readonly touched?: number;
}

export interface DynamicStep {
  readonly network: ZooName;
  readonly seed: number;
  readonly step: number;
  /** What left its band first of all was a link, or a load as well; `null`: nothing did. */
  readonly drift: "links" | "loads" | null;
  readonly decisions: readonly Decision[];
}

export interface EnvelopeFacts {
  readonly network: ZooName;
  readonly placements: number;
  readonly excess: number;
  readonly buildSeconds: number;
}

export interface DynamicResult {
  readonly steps: readonly DynamicStep[];
  readonly envelopes: readonly EnvelopeFacts[];
}

/** The band as reconstructed, and narrower and wider ones. */
export const bands: Readonly<Record<string, Band>> = {
  "d3 local": { low: 0.8, high: 1.25 },
  "d3 local, band 1": { low: 1, high: 1 },
  "d3 local, band 0.5–2": { low: 0.5, high: 2 },
};

/** The whole partition with the guard of local re-partition, so that the two may be told apart. */
export const guardedWhole = "d3 whole, if better";

/** Shorter than the clock can tell: repeated. */
const envelopeRepeats = 200;
/** Of an envelope: where the best known placement is this near, no more cuts are made. */
const enough = 1e-3;

/** Random walks of rates and loads, and what each way of deciding makes of them. */
export function* measureWalks(
  grid: DynamicGrid,
  host: StudyHost,
): Generator<StudyProgress, DynamicResult> {
  const links = { ...(linkSets[0] as LinkSet), deviceToCloud: null };
  const steps: DynamicStep[] = [];
  const envelopes: EnvelopeFacts[] = [];
  for (const [position, network] of grid.networks.entries()) {
    const topology = tierTopology(links, {});
    const nominal = createProblem(host.profileOf(network), topology, { type: "latency" });
    const box = walkBox(topology);
    const started = host.clock.now();
    const envelope = buildOf(nominal, box, grid, host.clock);
    envelopes.push({
      network,
      placements: envelope.placements.length,
      excess: envelope.excess,
      buildSeconds: host.clock.now() - started,
    });
    for (const [index, seed] of grid.seeds.entries()) {
      steps.push(...walkOnce({ network, seed, nominal, box, envelope, clock: host.clock }, grid));
      const share = (position + (index + 1) / grid.seeds.length) / grid.networks.length;
      yield { share, label: `${network}, walk ${seed}` };
    }
  }
  return { steps, envelopes };
}

function buildOf(
  problem: Problem,
  box: readonly Parameter[],
  { envelopeSeconds }: DynamicGrid,
  clock: Clock,
): Envelope {
  const run = { clock, timeLimitSeconds: envelopeSeconds, targetExcess: enough };
  const found = runEnvelope(problem, box, run);
  if ("type" in found) throw new Error(`no envelope: ${found.reason}`);
  return found;
}

interface Walk {
  readonly network: ZooName;
  readonly seed: number;
  readonly nominal: Problem;
  readonly box: readonly Parameter[];
  readonly envelope: Envelope;
  readonly clock: Clock;
}

/** What a local decider remembers. */
interface Memory {
  placement: Placement;
  reference: Quantities;
}

function walkOnce(walk: Walk, grid: DynamicGrid): DynamicStep[] {
  const { network, seed, nominal, box, envelope } = walk;
  const graph = rankNodes(nominal.index);
  const decider = createDecider(envelope);
  const start = partition(nominal, publishedRules, graph);
  const best = planOf(exact, nominal);
  const memories = new Map<string, Memory>();
  for (const name of Object.keys(bands)) {
    memories.set(name, { placement: start, reference: quantitiesOf(nominal) });
  }
  let kept = start;
  const values = randomWalk(box, createRandom(seed));
  values.next();
  return Array.from({ length: grid.steps }, (_, step) => {
    const at = values.next().value as number[];
    const { profile, objective, topology } = nominal;
    const state = stateAt(nominal, box, at);
    // Each decider gets a problem of its own, since routes are kept.
    const now = (): Problem => createProblem(profile, topologyAt(topology, state), objective);
    const judge = now();
    const cost = (placement: Placement): number => latencyOf(judge, placement);
    const drift = driftOf(memories.get("d3 local") as Memory, judge);
    const locals = [...memories].map(([name, memory]) =>
      decideLocally(name, memory, now(), graph, walk.clock, cost),
    );
    const decisions: Decision[] = [
      ...locals,
      timed("d3 whole", walk.clock, now(), cost, (problem) =>
        partition(problem, publishedRules, graph),
      ),
      timed(guardedWhole, walk.clock, now(), cost, (problem) => {
        const found = partition(problem, publishedRules, graph);
        if (latencyOf(problem, found) < latencyOf(problem, kept)) kept = found;
        return kept;
      }),
      timed("exact", walk.clock, now(), cost, (problem) => planOf(exact, problem)),
      decideByEnvelope(decider, envelope, at, walk.clock, cost),
      { decider: "static d3", seconds: 0, latencySeconds: cost(start) },
      { decider: "static exact", seconds: 0, latencySeconds: cost(best) },
    ];
    return { network, seed, step, drift, decisions };
  });
}

function latencyOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.NaN;
}

/** What has left the band since the last time that something did. */
function driftOf({ reference }: Memory, problem: Problem): DynamicStep["drift"] {
  const { low, high } = bands["d3 local"] as Band;
  const measured = quantitiesOf(problem);
  const isOutside = (before: number, now: number): boolean =>
    now < low * before || now > high * before;
  const loads = problem.devices.some((_, device) =>
    isOutside(reference.nodeSeconds.get(device, 0), measured.nodeSeconds.get(device, 0)),
  );
  if (loads) return "loads";
  return reference.linkRates.some((rate, link) =>
    isOutside(rate, measured.linkRates[link] as number),
  )
    ? "links"
    : null;
}

function decideLocally(
  name: string,
  memory: Memory,
  problem: Problem,
  graph: RankedGraph,
  clock: Clock,
  cost: (placement: Placement) => number,
): Decision {
  const band = bands[name] as Band;
  const started = clock.now();
  const found = repartition(problem, memory.placement, memory.reference, { band, graph });
  const seconds = clock.now() - started;
  memory.placement = found.placement;
  memory.reference = found.reference;
  return {
    decider: name,
    seconds,
    latencySeconds: cost(found.placement),
    touched: found.touched / problem.index.graph.nodes.length,
  };
}

function timed(
  decider: string,
  clock: Clock,
  problem: Problem,
  cost: (placement: Placement) => number,
  decide: (problem: Problem) => Placement,
): Decision {
  const started = clock.now();
  const placement = decide(problem);
  const seconds = clock.now() - started;
  return { decider, seconds, latencySeconds: cost(placement) };
}

function decideByEnvelope(
  decider: Decider,
  { placements }: Envelope,
  at: readonly number[],
  clock: Clock,
  cost: (placement: Placement) => number,
): Decision {
  const started = clock.now();
  let chosen = 0;
  for (let repeat = 0; repeat < envelopeRepeats; repeat++) chosen = decider.decide(at);
  const seconds = (clock.now() - started) / envelopeRepeats;
  const placement = placements[chosen]?.devices ?? [];
  return { decider: "envelope", seconds, latencySeconds: cost(placement) };
}

/** A planner's last word, without writing it down. */
function planOf(planner: Planner, problem: Problem): Placement {
  const steps = planner.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    if ("type" in step.value) throw new Error(step.value.reason);
    return step.value.placement;
  }
}
