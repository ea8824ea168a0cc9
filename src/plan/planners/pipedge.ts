import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { type PiecesModel, piecesModel, placeRuns } from "./exact-pieces/model.ts";
import { hasCodecs, leaks } from "./exact-pieces.ts";
import { classesOf, statesOf } from "./pipedge/classes.ts";
import { PipelineTable } from "./pipedge/table.ts";
import { findSingle } from "./single.ts";

/** 80 MB of table, and some seconds: twelve devices of as many kinds with a hundred cuts. */
const mostStates = 10_000_000;
/** Chains that are evaluated where loads meet that the table keeps apart. */
const mostTried = 64;
const equality = 1 + 1e-9;

/**
 * The least period of a chain of pieces on unequal devices: any order, any subset, one contiguous run
 * a device, by dynamic programming over sets of devices.
 *
 * O(sets · kinds · pieces²) time, with Π(devices of a kind + 1) sets. No chain of pieces is faster
 * than the table says, so that the best of them is proven (`bestAmong`) where it keeps what the table
 * promised: always where devices are overlapped, neighbouring stages have links of their own, and no
 * limit but memory and the period is set. Else the best of the most promising 64, re-evaluated.
 *
 * @see Hu et al., "PipeEdge: pipeline parallelism for large-scale model inference on heterogeneous
 * edge devices", DSD 2022
 */
export const pipedge: Planner = {
  name: "pipedge",
  optimalAmong: null,
  refuses: (problem) => {
    const { type } = problem.objective;
    if (type !== "throughput") return `it plans for throughput, not ${type}`;
    const { states, classes, pieces } = statesOf(problem);
    if (states <= mostStates) return null;
    const made = states < 1e15 ? states.toLocaleString("en") : states.toExponential(1);
    return `it keeps a state for each set of devices: ${classes} kinds of devices and ${pieces} pieces make ${made}, and it takes up to ${mostStates.toLocaleString("en")}`;
  },
  *plan(problem) {
    const alone = findSingle(problem);
    const first = "value" in alone ? { ...alone, method: "one device" } : null;
    yield first;
    if (leaks(problem)) return alone;
    const model = yield* repeat(first, piecesModel(problem));
    const limit = problem.limits.periodSeconds ?? Number.POSITIVE_INFINITY;
    const ceiling = Math.min(first?.value ?? Number.POSITIVE_INFINITY, limit * equality);
    const table = new PipelineTable(model, classesOf(model.runners, model.twinBefore), ceiling);
    yield* repeat(first, table.fill());
    return yield* tryChains(model, table, first, alone);
  },
};

/** Evaluates the best chains of a table until one keeps what it promises. */
function* tryChains(
  model: PiecesModel,
  table: PipelineTable,
  alone: Incumbent | null,
  refused: Incumbent | Infeasible,
): Planning {
  const { problem, starts } = model;
  let least = Number.POSITIVE_INFINITY;
  let best = alone;
  for (const { ends, devices, period } of table.best(mostTried)) {
    least = Math.min(least, period);
    if (best !== null && best.value <= least * equality) break;
    const placement = placeRuns(model, ends, devices);
    const found = evaluate(problem, placement);
    if (found.type === "infeasible" || found.value >= (best?.value ?? Number.POSITIVE_INFINITY)) {
      yield best;
      continue;
    }
    const method = "dynamic programming over sets of devices";
    best = { placement, value: found.value, bound: null, method };
    yield best;
  }
  if (best === null) return explain(refused, problem, starts.length - 1);
  if (best.value > least * equality || hasCodecs(problem)) return best;
  return { ...best, bestAmong: "chains-of-pieces" };
}

function* repeat<T>(
  best: Incumbent | null,
  steps: Generator<null, T>,
): Generator<Incumbent | null, T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    yield best;
  }
}

/** Other pipelines may be allowed. */
function explain(
  refused: Incumbent | Infeasible,
  { devices }: Problem,
  pieces: number,
): Infeasible {
  const { reason, witness } = refused as Infeasible;
  return {
    ...infeasible(
      `no chain of ${pieces} pieces on ${devices.length} devices that was tried is allowed, which is no proof that no pipeline is; ${reason}`,
      witness,
    ),
    isProven: false,
  };
}
