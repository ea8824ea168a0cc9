import type { Incumbent, Planning } from "./planner.ts";

/**
 * The same planning with nothing lost on the way: no later step has a worse plan than one before it,
 * or a lower bound, whatever the searches that follow each other know of each other.
 */
export function* rising(planning: Planning): Planning {
  let best: Incumbent | null = null;
  for (;;) {
    const { done, value } = planning.next();
    if (value !== null && "type" in value) return best ?? value;
    if (value !== null) best = best === null ? value : joined(best, value);
    if (done === true) return best as Incumbent;
    yield value === null ? null : best;
  }
}

/** The better plan of two, the later one if they are equal, with the higher bound. */
function joined(earlier: Incumbent, later: Incumbent): Incumbent {
  const better = later.value <= earlier.value ? later : earlier;
  const bound = higher(earlier.bound, later.bound);
  if (bound === null || bound === better.bound) return better;
  return { ...better, bound: Math.min(bound, better.value) };
}

function higher(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
