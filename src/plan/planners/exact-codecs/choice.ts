import type { CodecChoice } from "../../../cost/hops.ts";
import { withCodecs } from "../../codecs.ts";
import { type Bottleneck, type Evaluation, evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import { findHops, type Hop } from "../../transfers.ts";
import { type CodecTable, keyOf, type Option, type Settled } from "./table.ts";

/** A placement with the codecs of its hops. */
export interface CodedPlacement {
  readonly placement: Placement;
  readonly value: number;
  /** Where it is not that of the problem. */
  readonly codecs: CodecChoice | undefined;
  /** Of the hops that have a choice. */
  readonly chosen: Settled;
}

/** Evaluations of one placement with one codec changed. */
const mostChanges = 60;

/**
 * Good codecs for the hops of a placement: the best of a few rules, improved by changing one codec at
 * a time at the bottleneck. At most 64 evaluations.
 *
 * @param usual codecs that are tried as well; `undefined`: none in particular
 * @returns `null` if the placement keeps the limits with none of them
 */
export function chooseForPlacement(
  problem: Problem,
  table: CodecTable,
  placement: Placement,
  usual: (hop: Hop) => Option | undefined,
): CodedPlacement | null {
  const hops = findHops(problem, placement);
  if ("to" in hops) return null;
  const free = hops.filter(({ link, tensor }) => table.choices(link, tensor).options.length > 1);
  const rules: ((hop: Hop) => Option)[] = [
    ({ link, tensor }) => problem.hops.codec(link, tensor),
    (hop) => usual(hop) ?? null,
    ({ link, tensor }) => table.smallest(link, tensor),
    () => null,
  ];
  let best: Attempt | null = null;
  for (const rule of rules) {
    const chosen = new Map(free.map((hop) => [keyOf(hop.link, hop.tensor), rule(hop)]));
    best = better(best, attempt(problem, placement, chosen));
  }
  if (best === null) return null;
  const improved = improve(problem, table, placement, free, best);
  const { chosen, evaluation } = improved;
  const isUsual = free.every(
    ({ link, tensor }) => chosen.get(keyOf(link, tensor)) === problem.hops.codec(link, tensor),
  );
  const codecs = isUsual ? undefined : choiceOf(problem, chosen);
  return { placement, value: evaluation.value, codecs, chosen };
}

interface Attempt {
  readonly chosen: Settled;
  readonly evaluation: Evaluation;
}

function attempt(problem: Problem, placement: Placement, chosen: Settled): Attempt | null {
  const evaluation = evaluate(withCodecs(problem, choiceOf(problem, chosen)), placement);
  return evaluation.type === "infeasible" ? null : { chosen, evaluation };
}

function better(one: Attempt | null, other: Attempt | null): Attempt | null {
  if (one === null || other === null) return one ?? other;
  return other.evaluation.value < one.evaluation.value ? other : one;
}

function choiceOf({ hops }: Problem, chosen: Settled): CodecChoice {
  return (link, tensor) => {
    const option = chosen.get(keyOf(link, tensor));
    return option === undefined ? hops.codec(link, tensor) : option;
  };
}

function improve(
  problem: Problem,
  table: CodecTable,
  placement: Placement,
  free: readonly Hop[],
  start: Attempt,
): Attempt {
  let best = start;
  for (let left = mostChanges; left > 0; ) {
    const changes = free
      .filter(({ link }) => isAt(problem, link, best.evaluation.bottleneck))
      .flatMap(({ link, tensor }) =>
        table.choices(link, tensor).options.map((option) => [keyOf(link, tensor), option] as const),
      )
      .filter(([key, option]) => best.chosen.get(key) !== option)
      .slice(0, left);
    if (changes.length === 0) return best;
    let next = best;
    for (const change of changes) {
      left--;
      const found = attempt(problem, placement, new Map([...best.chosen, change]));
      next = better(next, found) ?? next;
      if (next !== best) break;
    }
    if (next === best) return best;
    best = next;
  }
  return best;
}

/** Whether a link loads the bottleneck, or ends at it. */
function isAt({ topology }: Problem, position: number, bottleneck: Bottleneck): boolean {
  const link = topology.links[position];
  if (link === undefined) return false;
  if ("medium" in bottleneck) return link.medium === bottleneck.medium;
  if ("device" in bottleneck) {
    return link.from === bottleneck.device || link.to === bottleneck.device;
  }
  return link.from === bottleneck.link[0] && link.to === bottleneck.link[1];
}
