import { evaluate } from "../evaluate.ts";
import type { Incumbent, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";

/**
 * Plans a sum under limits on other figures, where hops may be coded.
 *
 * The search gives every hop the codec that is cheapest for the objective; another one may keep a
 * limit that this one breaks, so that what the search proves holds for its codecs only. What is
 * proven without the limits holds for all of them, since each hop of a sum is paid for itself. So the
 * problem is solved without the limits first, and that bound stands.
 *
 * @param minimise the search
 */
export function* planUnderLimits(
  problem: Problem,
  minimise: (problem: Problem) => Planning,
): Planning {
  let proven = 0;
  const held = (found: Incumbent): Incumbent => ({
    ...found,
    bound: Math.min(proven, found.value),
  });
  for (const { value, isLast } of stepsOf(minimise({ ...problem, limits: {} }))) {
    proven = Math.max(proven, value?.bound ?? 0);
    const isKept = value !== null && evaluate(problem, value.placement).type === "feasible";
    if (isKept && isLast) return held(value);
    yield isKept ? held(value) : null;
  }
  const limited = minimise(problem);
  for (;;) {
    const { done, value } = limited.next();
    if (value !== null && "type" in value) return value;
    if (done === true) return held(value as Incumbent);
    yield value === null ? null : held(value);
  }
}

/** All that is found, up to the end or to where nothing is. */
function* stepsOf(planning: Planning): Generator<{ value: Incumbent | null; isLast: boolean }> {
  for (;;) {
    const { done, value } = planning.next();
    if (value !== null && "type" in value) return;
    yield { value, isLast: done === true };
    if (done === true) return;
  }
}
