import type { Infeasible } from "../feasibility.ts";
import type { Incumbent, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { piecesEffort, planPieces } from "./exact-pieces.ts";
import { exactThroughput } from "./exact-throughput.ts";

/** With more devices that can run nodes, sets of devices are too many to search. */
const mostRunners = 10;

/**
 * The least period with the codecs as they are, by the search that fits the number of devices.
 *
 * Up to ten devices: search over sets of devices and chains of ideals, and where that leaves a gap
 * chains of pieces, which may be better and are the best of their class. More devices: chains of
 * pieces, with a bound for all placements.
 */
export function* planPipelines(problem: Problem, tools: Tools): Planning {
  if (isForPieces(problem)) return yield* planPieces(problem, piecesEffort.whole);
  const found = yield* exactThroughput.plan(problem, tools);
  if (isSettled(found)) return found;
  return yield* joined(found, planPieces(problem, piecesEffort.brief));
}

/** Whether the devices are too many for anything but chains of pieces. */
export function isForPieces({ devices, index, seconds }: Problem): boolean {
  const runners = devices.filter((_, device) =>
    index.graph.nodes.some((_, node) => Number.isFinite(seconds.get(device, node))),
  );
  return runners.length > mostRunners;
}

/** Whether a search left nothing open. */
function isSettled(found: Incumbent | Infeasible): boolean {
  if ("type" in found) return found.isProven !== false;
  return found.bound !== null && found.bound >= found.value * (1 - 1e-9);
}

/** A second search behind a first, of which nothing is lost: the better plan and the higher bound. */
function* joined(first: Incumbent | Infeasible, second: Planning): Planning {
  let best = "type" in first ? null : first;
  const join = (found: Incumbent): Incumbent => {
    const bound = Math.max(best?.bound ?? 0, found.bound ?? 0);
    const better = best === null || found.value < best.value ? found : best;
    // The best of a class is no better than what is better than it.
    const { bestAmong } = found;
    best = {
      ...better,
      bound: Math.min(bound, better.value),
      ...(bestAmong === undefined ? {} : { bestAmong }),
    };
    return best;
  };
  for (;;) {
    const step = second.next();
    if (step.done === true) {
      if ("type" in step.value) return best ?? step.value;
      return join(step.value);
    }
    yield step.value === null ? best : join(step.value);
  }
}
