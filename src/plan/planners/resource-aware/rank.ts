import type { Cut } from "./cuts.ts";
import { type Descriptor, needsOf, type Resource, resources } from "./descriptor.ts";

/** How a cut is chosen: by the one scarce resource, or by all of them, weighted by their needs. */
export type Rule = Resource | "weighted";

/**
 * The resource of which the whole graph needs most ÷ what there is.
 */
export function scarcest(cuts: readonly Cut[], descriptor: Descriptor): Resource {
  const needs = needsOf(cuts, descriptor);
  return resources.reduce((most, resource) => (needs[resource] > needs[most] ? resource : most));
}

/**
 * The cuts in the order in which a rule prefers them. O(cuts · log cuts) time.
 *
 * @param cuts from nothing on the device to everything
 */
export function rank(cuts: readonly Cut[], descriptor: Descriptor, rule: Rule): Cut[] {
  const score = scoreOf(cuts, descriptor, rule);
  const scored = cuts.map((cut) => ({ cut, score: [...score(cut), cut.linkBytes, cut.flop] }));
  return scored.sort((a, b) => compareScores(a.score, b.score)).map(({ cut }) => cut);
}

/** What a rule makes small, the first figure before the second. */
export function scoreOf(
  cuts: readonly Cut[],
  descriptor: Descriptor,
  rule: Rule,
): (cut: Cut) => readonly number[] {
  const nothing = cuts[0] as Cut;
  /** Cuts that send less than the raw input come first, then the raw input itself, then the others. */
  const growth = (cut: Cut): number => {
    if (cut.linkBytes < nothing.linkBytes) return 0;
    return cut === nothing ? 1 : 2;
  };
  switch (rule) {
    case "bandwidth":
      return ({ linkBytes }) => [linkBytes];
    case "compute":
      return (cut) => [growth(cut), cut.flop];
    case "storage":
      return ({ flop }) => [-flop];
    case "memory":
      return (cut) => [growth(cut), cut.memoryBytes];
    case "energy":
      return (cut) => [descriptor.joules?.(cut) ?? 0];
    case "weighted":
      return weightedScore(cuts, descriptor);
    default:
      return rule satisfies never;
  }
}

/** Shares of what everything on the device needs, and of the raw input's bytes. */
function weightedScore(
  cuts: readonly Cut[],
  descriptor: Descriptor,
): (cut: Cut) => readonly number[] {
  const nothing = cuts[0] as Cut;
  const everything = cuts.at(-1) as Cut;
  const needs = needsOf(cuts, descriptor);
  const finite = resources.map((resource) => Math.min(needs[resource], Number.MAX_VALUE / 8));
  const total = finite.reduce((sum, need) => sum + need, 0);
  const joules = descriptor.joules ?? (() => 0);
  return (cut) => {
    const shares = [
      share(cut.linkBytes, nothing.linkBytes),
      share(cut.flop, everything.flop),
      share(cut.parameterBytes, everything.parameterBytes),
      share(cut.memoryBytes, everything.memoryBytes),
      share(joules(cut), joules(everything)),
    ];
    const sum = shares.reduce(
      (score, of, at) => score + share(finite[at] as number, total) * of,
      0,
    );
    return [sum];
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The first figure that differs decides. */
export function compareScores(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((figure, position) => figure !== b[position]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}
