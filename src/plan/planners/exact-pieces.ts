/**
 * The least period of chains of pieces, for as many devices as there are.
 *
 * @module
 */
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { boundPeriod, findHomeless, isWholeClass } from "./exact-pieces/bound.ts";
import { type PiecesModel, piecesModel } from "./exact-pieces/model.ts";
import type { Effort } from "./exact-pieces/runs.ts";
import { searchChains } from "./exact-pieces/search.ts";
import { trySingles } from "./single.ts";

/** Steps: some thirty seconds, and half a second. */
export const piecesEffort = { whole: 3e8, brief: 5e6 } as const;
/** A period that takes more to decide is left open, and a greater one is tried. */
const shareOfOne = 0.2;
/** Below this ratio the next period to try is the best known itself, and not one in between. */
const close = 1.001;
/** Of two periods this close neither is better. */
const equality = 1e-10;

/**
 * Minimises the period among chains of pieces: contiguous runs of the nodes between articulation
 * nodes, each on a device of its own.
 *
 * Threshold search: bisection between what is proven to be out of reach and the best chain known,
 * each step of it a search for any chain below a period. Ends with the best chain, unless its steps
 * run out; then the plan comes without the class. The bound is one for all placements, and the chain
 * is the best of all where no piece can be divided.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022, for the problem
 */
export const exactPieces: Planner = {
  name: "exact-pieces",
  optimalAmong: "chains-of-pieces",
  refuses: (problem) => {
    const { type } = problem.objective;
    if (type !== "throughput") return `it plans for throughput, not ${type}`;
    return hasCodecs(problem) ? "it takes codecs as they are, and there are some to choose" : null;
  },
  *plan(problem) {
    return yield* planPieces(problem, piecesEffort.whole);
  },
};

/** `exactPieces` within a number of steps; with all of them where no other pipeline is allowed. */
export function* planPieces(problem: Problem, steps: number): Planning {
  const alone = yield* trySingles(problem);
  const course = new Course(problem, boundPeriod(problem));
  if ("value" in alone) yield course.keep(alone);
  yield course.best;
  if (course.bound === Number.POSITIVE_INFINITY) return findHomeless(problem) ?? alone;
  if (leaks(problem)) return alone;
  const model = yield* withBest(course, piecesModel(problem));
  const isWhole = isWholeClass(model);
  const most = isWhole ? piecesEffort.whole : steps;
  const isProven = yield* bisect(model, course, { steps: 0, most });
  const { best } = course;
  if (best === null) return explain(alone, model, { isProven, isWhole });
  if (!isProven || hasCodecs(problem)) return best;
  if (isWhole) return { ...best, bound: best.value };
  return { ...best, bestAmong: "chains-of-pieces" };
}

/** Passes on occasions to stop, with the best chain so far. */
function* withBest<T>(course: Course, steps: Generator<null, T>): Generator<Incumbent | null, T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    yield course.best;
  }
}

/** Whether no chain is better than the best at the end. */
function* bisect(
  model: PiecesModel,
  course: Course,
  effort: Effort,
): Generator<Incumbent | null, boolean> {
  let low = course.bound;
  let isLowProven = true;
  for (;;) {
    const high = course.ceiling();
    const target = high * (1 - equality);
    if (low >= target && course.best !== null) return isLowProven;
    const isNear = high === Number.POSITIVE_INFINITY || high <= low * close;
    const period = isNear ? (course.best === null ? high : target) : between(low, high);
    const most = Math.min(effort.most, effort.steps + effort.most * shareOfOne);
    const attempt = { steps: effort.steps, most };
    const found = yield* withBest(course, searchChains(model, period, attempt));
    effort.steps = attempt.steps;
    if (found.type === "found") {
      yield course.keep({ placement: found.placement, value: found.value, bound: null });
      continue;
    }
    if (isNear || effort.steps > effort.most) return found.type === "none";
    if (found.type === "stopped") isLowProven = false;
    low = period;
  }
}

function between(low: number, high: number): number {
  return low > 0 ? Math.sqrt(low * high) : high / 2;
}

/** The best chain so far. */
class Course {
  readonly bound: number;
  readonly #limit: number;
  best: Incumbent | null = null;

  constructor({ limits }: Problem, bound: number) {
    this.bound = bound;
    // Above what `evaluate` accepts as kept, below what matters.
    this.#limit = (limits.periodSeconds ?? Number.POSITIVE_INFINITY) * (1 + 2e-9);
  }

  keep(found: Incumbent): Incumbent {
    const bound = Math.min(this.bound, found.value);
    this.best = { ...found, bound, method: "threshold search over chains of pieces" };
    return this.best;
  }

  ceiling(): number {
    return Math.min(this.best?.value ?? Number.POSITIVE_INFINITY, this.#limit);
  }
}

/** Whether a hop may be cheaper with another codec than that in use. */
export function hasCodecs({ hops }: Problem): boolean {
  return hops.samples.some((tensor) =>
    hops.links.some((_, link) => hops.codecs(link, tensor).length > 0),
  );
}

/** Whether an answer may not leave the source, and the sink is elsewhere. */
export function leaks({ index, private: kept, sink, source }: Problem): boolean {
  return sink !== null && sink !== source && index.outputs.some((tensor) => kept.has(tensor));
}

/** Where some piece could be divided, other pipelines may be allowed. */
function explain(
  alone: Incumbent | Infeasible,
  model: PiecesModel,
  { isProven, isWhole }: { isProven: boolean; isWhole: boolean },
): Infeasible {
  const { starts, runners } = model;
  const what = `chain of ${starts.length - 1} pieces on ${runners.length} devices`;
  const reason = "reason" in alone ? alone.reason : "";
  const witness = "witness" in alone ? alone.witness : {};
  if (isProven && isWhole) return infeasible(`no ${what} is allowed; ${reason}`, witness);
  const unsure = isProven
    ? `no ${what} is allowed, which is no proof that no pipeline is`
    : `no allowed ${what} was found, which is no proof that there is none`;
  return { ...infeasible(`${unsure}; ${reason}`, witness), isProven: false };
}
