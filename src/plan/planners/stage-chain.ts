/**
 * The least period where every stage's load is its own: dynamic programming over ideals and counts of
 * used devices, inside a bisection on the period.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { enumerateLattice, type Lattice, latticeAlong } from "../../graph/ideals.ts";
import { simpleBound, type WeightedWork, weightedWork } from "./stage-chain/bounds.ts";
import { coarsenTo, refineChain } from "./stage-chain/coarsen.ts";
import { improveChain } from "./stage-chain/improve.ts";
import {
  chainSeconds,
  type DeviceClass,
  fitsIn,
  type StageChain,
  type StageModel,
} from "./stage-chain/model.ts";
import { randomOrder, topologicalOrders } from "./stage-chain/orders.ts";
import { type Effort, Reach } from "./stage-chain/reach.ts";
import { UsedCounts } from "./stage-chain/used.ts";

export interface StageSearchLimits {
  /** With more ideals than this the search goes along topological orders instead. */
  readonly mostIdeals: number;
  /** Stages looked at over all ideals. */
  readonly mostSteps: number;
  /** Stages looked at along orders. */
  readonly mostOrderSteps: number;
}

/** Some minutes, and half a gigabyte. */
export const stageSearchLimits: StageSearchLimits = {
  mostIdeals: 60_000,
  mostSteps: 1e9,
  mostOrderSteps: 2e8,
};

/** How far a search came. */
export interface StageProgress {
  /** `null`: no chain is known that memory allows. */
  readonly chain: StageChain | null;
  /** Of `chain`, or `Infinity`. */
  readonly seconds: number;
  /** No chain has a smaller period; `Infinity`: there is no chain. */
  readonly bound: number;
  /** Whether `bound` is as close as floating-point sums tell. */
  readonly isProven: boolean;
  /** `null`: not counted, or too many. */
  readonly ideals: number | null;
}

/** Periods closer than this are equal: above the noise of sums, below what counts as better. */
const equal = 1e-10;
/** Above this ratio of what is known to what is proven, the middle is tried next. */
const near = 1.002;

/**
 * Minimises the largest load over all chains of stages.
 *
 * A chain of ideals with a device for each step is a pipeline, and the loads are those of the steps:
 * so whether a period can be kept is a question of reaching the whole graph, see `Reach`; the least one is
 * found by bisection between bounds from the work alone and the best chain along a few topological
 * orders. A period that cannot be kept is a bound. Where there are too many ideals, those along
 * topological orders are searched and the result improved by moving units; then the bound is that of the work.
 *
 * Yields whenever something got better, and `null` now and then.
 *
 * @see Tarnawski et al., "Efficient algorithms for device placement of DNN graph operators", NeurIPS
 * 2020, section 5
 */
export function* minimiseStages(
  model: StageModel,
  random: Random,
  limits: StageSearchLimits = stageSearchLimits,
): Generator<StageProgress | null, StageProgress> {
  const course = new Course(model);
  yield course.progress();
  const effort = { steps: 0, most: limits.mostOrderSteps };
  const orders = topologicalOrders(model, weightsOf(model));
  for (const some of [orders.slice(0, 1), orders]) {
    yield* course.search(latticeAlong(some), effort, false);
  }
  const lattice = enumerateLattice(model.predecessors, limits.mostIdeals);
  course.ideals = lattice?.ideals.count ?? null;
  if (lattice !== null) {
    yield* course.searchPlenty(lattice, { steps: 0, most: limits.mostOrderSteps });
    yield* course.search(lattice, { steps: 0, most: limits.mostSteps }, true);
  }
  if (!course.progress().isProven) yield* refine(course, model, random, effort);
  return course.progress();
}

/**
 * The best chain along some topological orders, which is that of all only by luck. For one order
 * O(units² · classes) time a step of the bisection.
 */
export function* minimiseAlong(
  model: StageModel,
  orders: readonly (readonly number[])[],
): Generator<StageProgress | null, StageProgress> {
  const course = new Course(model);
  const effort = { steps: 0, most: stageSearchLimits.mostOrderSteps };
  yield* course.search(latticeAlong(orders), effort, false);
  return course.progress();
}

/** What each flow costs where most devices are of one kind. */
function weightsOf({ flows, classes }: StageModel): number[] {
  const most = classes.reduce((a, b) => (b.count > a.count ? b : a));
  return flows.map((_, flow) =>
    most.terms.reduce(
      (sum, { enter, leave }) => sum + (enter[flow] as number) + (leave[flow] as number),
      0,
    ),
  );
}

/** Ideals of a model with units joined, one after the other: as many as are searched in seconds. */
const coarseIdeals = [4000, 15_000, 60_000];
/** Where nothing is proven, better by less is not worth the time. */
const roughly = 3e-4;

/** Bytes of the tables of one search. */
const mostBytes = 5e8;
/** Counts of used devices that are told apart. */
const mostStates = 4096;

/**
 * The model with as many devices as anyone wants of the classes of which another one has too few to
 * hold all: no period of its chains is above that of the model's.
 */
function plentiful(model: StageModel, narrowed: StageModel): StageModel {
  const classes = model.classes.map((one, at) => {
    const isCut = (narrowed.classes[at] as DeviceClass).count < one.count;
    return isCut && !one.isSource && !one.isSink
      ? { ...one, count: Number.POSITIVE_INFINITY }
      : one;
  });
  return { ...model, classes };
}

/** Whether a model has the devices of a chain. */
function isThere({ classes }: StageModel, chain: StageChain): boolean {
  return classes.every(
    ({ count }, one) => chain.filter(({ deviceClass }) => deviceClass === one).length <= count,
  );
}

/** The model with as many devices, of the fast classes first, as a search has room for. */
function narrow(model: StageModel, ideals: number): StageModel {
  const counts = model.classes.map(() => 0);
  const classes = (): DeviceClass[] =>
    model.classes.map((one, at) => ({ ...one, count: counts[at] as number }));
  const totals = model.classes.map(({ seconds }) =>
    seconds.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0),
  );
  const fastest = [...counts.keys()].sort((a, b) => (totals[a] as number) - (totals[b] as number));
  let isWhole = true;
  for (const at of fastest) {
    const { count } = model.classes[at] as DeviceClass;
    while ((counts[at] as number) < count) {
      (counts[at] as number) += 1;
      const states = UsedCounts.countOf(classes());
      if (states <= mostStates && Reach.bytesFor(classes(), ideals) <= mostBytes) continue;
      (counts[at] as number) -= 1;
      isWhole = false;
      break;
    }
  }
  return isWhole ? model : { ...model, classes: classes() };
}

/**
 * Searches with light units joined, moves units, searches again with units joined only far from the
 * borders of the stages, and along the order that came of it; until nothing gets better.
 */
function* refine(
  course: Course,
  model: StageModel,
  random: Random,
  effort: Effort,
): Generator<StageProgress | null, void> {
  const orders = topologicalOrders(model, weightsOf(model));
  let seconds = Number.POSITIVE_INFINITY;
  for (let size = 0; size < coarseIdeals.length && effort.steps <= effort.most; ) {
    // At first, and when nothing else helps, far from what is known.
    if (course.seconds >= seconds || size === 0) {
      yield* course.searchCoarse(null, coarseIdeals[size] as number, effort);
    }
    seconds = course.seconds;
    if (course.chain !== null) {
      for (const better of improveChain(model, course.chain, random)) {
        if (better !== null) course.keep(better);
        yield course.progress();
      }
      yield* course.searchCoarse(course.chain, coarseIdeals[size] as number, effort);
    }
    const along = course.chain?.flatMap(({ units }) => units);
    const more = Array.from({ length: 4 }, () => randomOrder(model, random));
    const some = [...(along === undefined ? [] : [along]), ...orders, ...more];
    yield* course.search(latticeAlong(some), effort, false);
    if (course.seconds < seconds * (1 - roughly)) continue;
    seconds = course.seconds;
    size++;
  }
}

/** What is known of one model. */
class Course {
  readonly #model: StageModel;
  readonly #work: WeightedWork;
  #bound: number;
  chain: StageChain | null = null;
  seconds = Number.POSITIVE_INFINITY;
  ideals: number | null = null;

  constructor(model: StageModel) {
    this.#model = model;
    this.#work = weightedWork(model.classes, model.predecessors.length);
    this.#bound = simpleBound(model, this.#work);
    const units = [...model.predecessors.keys()];
    model.classes.forEach((one, deviceClass) => {
      if (units.some((unit) => one.seconds[unit] === Number.POSITIVE_INFINITY)) return;
      if (fitsIn(model, one, units)) this.keep([{ deviceClass, units }]);
    });
  }

  keep(chain: StageChain): void {
    const seconds = chainSeconds(this.#model, chain);
    if (seconds >= this.seconds) return;
    this.chain = chain;
    this.seconds = seconds;
  }

  progress(): StageProgress {
    const isProven = this.#bound >= this.seconds * (1 - 10 * equal);
    return {
      chain: this.chain,
      seconds: this.seconds,
      bound: isProven ? this.seconds : this.#bound,
      isProven: isProven || this.#bound === Number.POSITIVE_INFINITY,
      ideals: this.ideals,
    };
  }

  /**
   * Looks for the best chain of a lattice.
   *
   * @param isAll whether it holds all ideals, so that what it lacks does not exist
   */
  *search(lattice: Lattice, effort: Effort, isAll: boolean): Generator<StageProgress | null, void> {
    const usable = narrow(this.#model, lattice.ideals.count);
    const isProving = isAll && usable === this.#model;
    const reach = new Reach(usable, lattice, this.#work);
    const close = isProving ? equal : roughly;
    let low = this.#bound;
    for (let isBelow = false; low < this.seconds * (1 - close); ) {
      const goal = goalBetween(low, this.seconds, isBelow || !isProving);
      const chain = yield* reach.search(goal, effort);
      if (chain !== null) {
        const before = this.seconds;
        this.keep(chain);
        if (this.seconds >= before) throw new Error("a chain costs more than its search allowed");
        isBelow = !isBelow;
      } else if (effort.steps > effort.most) {
        return;
      } else {
        isBelow = false;
        low = Math.max(low, goal, reach.nextSeconds);
        if (isProving) this.#bound = Math.max(this.#bound, low * (1 - equal));
      }
      yield this.progress();
    }
  }

  /**
   * Where devices are too many to be counted, looks for the best chain of as many as anyone wants: a
   * bound, and the best chain of all if there are as many as it takes.
   *
   * @param lattice of all ideals
   */
  *searchPlenty(lattice: Lattice, effort: Effort): Generator<StageProgress | null, void> {
    const usable = narrow(this.#model, lattice.ideals.count);
    if (usable === this.#model) return;
    const reach = new Reach(plentiful(this.#model, usable), lattice, this.#work);
    let high = this.seconds;
    let isBelow = false;
    for (let low = this.#bound; low < high * (1 - equal); ) {
      const goal = goalBetween(low, high, isBelow);
      const chain = yield* reach.search(goal, effort);
      if (chain === null && effort.steps > effort.most) return;
      isBelow = chain !== null && !isBelow;
      if (chain === null) {
        low = Math.max(low, goal, reach.nextSeconds);
        this.#bound = Math.max(this.#bound, low * (1 - equal));
      } else {
        high = Math.min(high, chainSeconds(this.#model, chain));
        if (isThere(this.#model, chain)) this.keep(chain);
      }
      yield this.progress();
    }
  }

  /** Looks for a better chain of a model with units joined, but not near the borders of a chain. */
  *searchCoarse(
    borders: StageChain | null,
    mostIdeals: number,
    effort: Effort,
  ): Generator<StageProgress | null, void> {
    const joined = coarsenTo(this.#model, borders, mostIdeals);
    if (joined === null) return;
    const coarse = new Course(joined.coarse.model);
    coarse.chain = null;
    coarse.seconds = this.seconds;
    for (const step of coarse.search(joined.lattice, effort, false)) {
      if (coarse.chain !== null) this.keep(refineChain(joined.coarse, coarse.chain));
      yield step === null ? null : this.progress();
    }
  }
}

/** The middle, or just below the higher one once that is near: either proves it, or is better. */
function goalBetween(low: number, high: number, isBelow: boolean): number {
  if (high === Number.POSITIVE_INFINITY) return low === 0 ? Number.MAX_VALUE : 2 * low;
  if (low > 0 && high / low < near && !isBelow) return high * (1 - equal);
  return low > 0 ? Math.sqrt(low * high) : high / 1024;
}
