import type { CodecChoice } from "../cost/hops.ts";
import type { State } from "../cost/state.ts";
import { withCodecs } from "../plan/codecs.ts";
import { costAt, costLine } from "../plan/cost-line.ts";
import type { Envelope } from "../plan/envelope/file.ts";
import { type Evaluation, evaluate } from "../plan/evaluate.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import { problemAt, recodedAt } from "../plan/problem-at.ts";
import { findTiledHops } from "../plan/tiles/hops.ts";
import { layOut, type TileStage } from "../plan/tiles.ts";
import { findHops, type Hop } from "../plan/transfers.ts";

/** What could be served. */
export interface Choice {
  readonly placement: Placement;
  /** Left out: those of the problem. */
  readonly codecs?: CodecChoice;
  /** Stages that several devices run together, also where the problem does not allow any. Left out: none. */
  readonly tiles?: readonly TileStage[];
}

/** Placements of one problem, numbered from 0, and what each costs in a state of the world. */
export interface Choices {
  readonly problem: Problem;
  /** How many are known; more may come with `best`. */
  count(): number;
  at(choice: number): Choice;
  /** The number of a choice, old or new; `null`: it is not allowed. */
  add(choice: Choice): number | null;
  /** What the objective compares; `Infinity`: it cannot run. */
  costOf(choice: number, state: State): number;
  /** Of one request alone, in seconds; `Infinity`: it cannot run. */
  latencyOf(choice: number, state: State): number;
  /** The cheapest in a state, of equal ones the first; `null`: there is none. */
  best(state: State): number | null;
  /** The same, among those that are known: nobody is asked for another. */
  bestKnown(state: State): number | null;
}

/**
 * The best choice in a problem whose topology and codecs are those of a state; `null`: there is none.
 */
export type SolveChoice = (problem: Problem) => Choice | null;

/**
 * Collects choices. Costs are those of `evaluate` with the routes of the problem's own state; for
 * sums a dot product, for the throughput an evaluation.
 *
 * @param known to begin with; those that are not allowed are left out
 * @param solve asked in every state for which the best is wanted; left out: what is known is all
 */
export function createChoices(
  problem: Problem,
  known: readonly Choice[],
  solve?: SolveChoice,
): Choices {
  const timed: Problem = { ...problem, objective: { type: "latency" } };
  const entries: Entry[] = [];
  const numbers = new Map<string, number>();
  const add = (choice: Choice): number | null => {
    const key = keyOf(problem, choice);
    const number = numbers.get(key);
    if (number !== undefined) return number;
    const own = withCodecs(problem, choice.codecs);
    if (evaluateChoice(own, choice).type === "infeasible") return null;
    numbers.set(key, entries.length);
    const costIn = costFunction(problem, choice);
    return entries.push({ choice, costIn, latencyIn: costFunction(timed, choice) }) - 1;
  };
  for (const choice of known) add(choice);
  const costOf = (choice: number, state: State): number =>
    entries[choice]?.costIn(state) ?? Number.POSITIVE_INFINITY;
  const bestKnown = (state: State): number | null => {
    let best: number | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (let choice = 0; choice < entries.length; choice++) {
      const cost = costOf(choice, state);
      if (cost >= least) continue;
      least = cost;
      best = choice;
    }
    return best;
  };
  return {
    problem,
    count: () => entries.length,
    at: (choice) => (entries[choice] as Entry).choice,
    add,
    costOf,
    latencyOf: (choice, state) => entries[choice]?.latencyIn(state) ?? Number.POSITIVE_INFINITY,
    best: (state) => {
      const found = solve?.(recodedAt(problem, state)) ?? null;
      if (found !== null) add(found);
      return bestKnown(state);
    },
    bestKnown,
  };
}

/** Everything on one device, for each that can do it: what not splitting gives. */
export function wholeChoices({ devices, index }: Problem): Choice[] {
  return devices.map((_, device) => ({ placement: index.graph.nodes.map(() => device) }));
}

/** The placements of an envelope, which are all that can be the best in its box. */
export function choicesOfEnvelope(problem: Problem, { placements }: Envelope): Choice[] {
  const { index, devices, hops } = problem;
  const positionOf = (name: string): number => devices.findIndex((device) => device.name === name);
  return placements.map(({ devices: placement, codecs }) => {
    const named = new Map(
      codecs.map(({ tensor, from, to, codec }) => [
        `${index.tensorByName.get(tensor)} ${positionOf(from)} ${positionOf(to)}`,
        codec,
      ]),
    );
    return {
      placement,
      codecs: (link, tensor) => {
        const { from, to } = hops.links[link] as { from: number; to: number };
        return named.get(`${tensor} ${from} ${to}`) ?? null;
      },
    };
  });
}

/** What a choice costs. @param problem with the choice's codecs */
export function evaluateChoice(
  problem: Problem,
  { placement, tiles = [] }: Choice,
): Evaluation | Infeasible {
  if (tiles.length === 0) return evaluate(problem, placement);
  return evaluate({ ...problem, limits: { ...problem.limits, tiles: true } }, placement, tiles);
}

/** None, if it cannot run. */
export function hopsOfChoice(problem: Problem, { placement, tiles = [] }: Choice): readonly Hop[] {
  if (tiles.length === 0) {
    const hops = findHops(problem, placement);
    return "to" in hops ? [] : hops;
  }
  const hops = findTiledHops(problem, layOut(problem.index, placement, tiles));
  return "to" in hops ? [] : hops.map(({ hop }) => hop);
}

interface Entry {
  readonly choice: Choice;
  readonly costIn: (state: State) => number;
  readonly latencyIn: (state: State) => number;
}

function costFunction(problem: Problem, choice: Choice): (state: State) => number {
  const { placement, codecs, tiles = [] } = choice;
  const line = tiles.length > 0 ? null : costLine(withCodecs(problem, codecs), placement);
  if (line !== null) return (state) => costAt(line, state);
  return (state) => {
    const found = evaluateChoice(withCodecs(problemAt(problem, state), codecs), choice);
    return found.type === "infeasible" ? Number.POSITIVE_INFINITY : found.value;
  };
}

/** Equal placements with equal codecs on their hops are one choice. */
function keyOf(problem: Problem, choice: Choice): string {
  const own = withCodecs(problem, choice.codecs);
  const coded = hopsOfChoice(own, choice).map(({ link, tensor }) => own.hops.codec(link, tensor));
  return JSON.stringify([choice.placement, coded, choice.tiles ?? []]);
}
