/**
 * The least period over placements and codecs.
 *
 * @module
 */
import type { CodecChoice } from "../../cost/hops.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Placement, Problem } from "../problem.ts";
import { findHops, type Hop } from "../transfers.ts";
import { type CodedPlacement, chooseForPlacement } from "./exact-codecs/choice.ts";
import { CodecRelaxation } from "./exact-codecs/relaxation.ts";
import { CodecTable, keyOf, type Option, type Settled } from "./exact-codecs/table.ts";

/**
 * Runs of the planner, and its steps beyond the first few of each run but the first: a minute or so.
 * Given up before where a good part of them found out nothing.
 */
const limits = { runs: 2000, steps: 1000, freeSteps: 5, stalledSteps: 200 } as const;

/** By how much the best plan has to have got better for the same codecs to be tried again. */
const worthwhile = 0.001;

/** All choices of codecs that keep to those that are settled. */
interface Leaf {
  readonly settled: Settled;
  /** No placement costs less with codecs that keep to those settled. */
  readonly bound: number;
  /** Nothing more is found out about it. */
  readonly isStuck: boolean;
}

/**
 * Lets a planner of the throughput choose codecs as well, which are no sum there: a codec that spares
 * the link loads both ends.
 *
 * The planner first solves the problem with the fastest codec everywhere, for a plan. Then it solves
 * a relaxation, in which each hop costs in every respect the least over the codecs that a better plan
 * could use there, again whenever a better plan has been found. What it finds is given real codecs by
 * rules and by changes at the bottleneck; its bound holds for all choices. What gap is left is closed
 * by branch and bound: of the relaxation's best placement the hop whose real codecs exceed the relaxed
 * cost most is settled, each codec in turn.
 *
 * Optimal if it ends below its limits of runs; otherwise the plan comes with a bound. Without codecs
 * it is the planner itself.
 *
 * @param minimise planner of the throughput; it compares devices by identity of `problem.kinds`, or
 * by their costs
 */
export function* planWithCodecs(
  problem: Problem,
  tools: Tools,
  minimise: Planner["plan"],
): Planning {
  const table = new CodecTable(problem);
  if (table.isEmpty) return yield* minimise(problem, tools);
  return yield* new CodecSearch(problem, table, tools, minimise).run();
}

class CodecSearch {
  readonly #problem: Problem;
  readonly #table: CodecTable;
  readonly #tools: Tools;
  readonly #minimise: Planner["plan"];
  #open: Leaf[] = [{ settled: new Map(), bound: 0, isStuck: false }];
  #best: CodedPlacement | null = null;
  #tried: Placement | null = null;
  #method: string | undefined;
  #bound = 0;
  #runs = 0;
  #steps = 0;
  /** Steps when something was last found out. */
  #lastSteps = 0;

  constructor(problem: Problem, table: CodecTable, tools: Tools, minimise: Planner["plan"]) {
    this.#problem = problem;
    this.#table = table;
    this.#tools = tools;
    this.#minimise = minimise;
  }

  *run(): Planning {
    const { hops } = this.#problem;
    yield* this.#tryRule(hops.codec);
    const refusal = yield* this.#branch();
    if (refusal !== null && refusal.isProven !== false && this.#best === null) return refusal;
    // These runs take as long as they take; what is limited is what comes on top.
    this.#steps = 0;
    this.#lastSteps = 0;
    for (const rule of [this.#table.smallest.bind(this.#table), () => null]) {
      if (!this.#isOpen()) break;
      yield* this.#tryRule(rule);
    }
    while (this.#isOpen()) yield* this.#branch();
    this.#dropClosed();
    if (this.#best !== null) {
      this.#raise(this.#best.value);
      return this.#incumbent() as Incumbent;
    }
    return refusal ?? this.#none();
  }

  /** Whether there is something left to do, and to do it with. */
  #isOpen(): boolean {
    this.#dropClosed();
    const isLeft = this.#runs < limits.runs && this.#steps < limits.steps;
    const isStalled = this.#steps - this.#lastSteps > limits.stalledSteps;
    return isLeft && !isStalled && this.#open.some(({ isStuck }) => !isStuck);
  }

  /** Solves the leaf with the least bound and replaces it by what is left to do. */
  *#branch(): Generator<Incumbent | null, Infeasible | null> {
    const leaf = this.#take();
    if (leaf === null) return null;
    const cutoff = this.#cutoff();
    const relaxation = new CodecRelaxation(this.#problem, this.#table, leaf.settled, cutoff);
    let bound = leaf.bound;
    const result = yield* this.#solve(relaxation.problem, (found) => {
      bound = Math.max(bound, Math.min(found.bound ?? 0, cutoff));
      this.#raise(bound);
      if (!this.#isClosed(found.value)) this.#keep(found, (hop) => relaxation.choices(hop).ideal);
    });
    if ("type" in result) {
      // Where the planner has not proven it, it may yet be wrong.
      if (result.isProven === false) this.#open.push({ ...leaf, isStuck: true });
      return result;
    }
    if (this.#isClosed(bound)) return null;
    // A better plan leaves fewer codecs to choose from.
    if (this.#cutoff() < cutoff * (1 - worthwhile)) this.#open.push({ ...leaf, bound });
    else this.#split(leaf, bound, relaxation, result.placement);
    return null;
  }

  #split(leaf: Leaf, bound: number, relaxation: CodecRelaxation, placement: Placement): void {
    const hops = findHops(this.#problem, placement);
    const hop = "to" in hops ? null : relaxation.loosest(hops);
    if (hop === null) {
      this.#open.push({ ...leaf, bound, isStuck: true });
      return;
    }
    for (const option of relaxation.choices(hop).options) {
      const settled = new Map([...leaf.settled, [keyOf(hop.link, hop.tensor), option]]);
      this.#open.push({ settled, bound, isStuck: false });
    }
  }

  /** Solves the problem with codecs by a rule, for the sake of the placements. */
  *#tryRule(rule: CodecChoice): Generator<Incumbent | null, void> {
    const problem = { ...this.#problem, hops: this.#problem.hops.withCodecs(rule) };
    yield* this.#solve(problem, (found) => this.#keep(found, () => undefined));
  }

  #dropClosed(): void {
    this.#open = this.#open.filter(({ bound }) => !this.#isClosed(bound));
  }

  /** The open leaf with the least bound. */
  #take(): Leaf | null {
    this.#dropClosed();
    const waiting = this.#open.filter(({ isStuck }) => !isStuck);
    const [first, ...others] = waiting;
    if (first === undefined) return null;
    const least = others.reduce((best, leaf) => (leaf.bound < best.bound ? leaf : best), first);
    this.#open = this.#open.filter((leaf) => leaf !== least);
    return least;
  }

  /** Runs the planner, handing over each incumbent, and yields the best of all runs. */
  *#solve(
    problem: Problem,
    take: (found: Incumbent) => void,
  ): Generator<Incumbent | null, Incumbent | Infeasible> {
    this.#runs++;
    const steps = this.#minimise(problem, this.#tools);
    for (let count = 1; ; count++) {
      const { done, value } = steps.next();
      if (value !== null && "value" in value) take(value);
      // A bound that leaves nothing to be found ends a run, whatever it has not seen.
      const isOver = value !== null && "value" in value && this.#isClosed(value.bound ?? 0);
      if (value !== null && (done === true || isOver)) return value;
      if (count > limits.freeSteps) this.#steps++;
      yield this.#incumbent();
    }
  }

  #keep({ placement, method }: Incumbent, usual: (hop: Hop) => Option | undefined): void {
    if (placement === this.#tried) return;
    this.#tried = placement;
    const found = chooseForPlacement(this.#problem, this.#table, placement, usual);
    if (found === null || (this.#best !== null && found.value >= this.#best.value)) return;
    this.#best = found;
    this.#lastSteps = this.#steps;
    this.#method = method;
  }

  /** @param current bound of what is being solved; the bound of all is the least of those open */
  #raise(current: number): void {
    const least = Math.min(current, ...this.#open.map(({ bound }) => bound));
    if (least <= this.#bound) return;
    this.#bound = least;
    this.#lastSteps = this.#steps;
  }

  #isClosed(bound: number): boolean {
    return bound >= this.#cutoff() * (1 - 1e-9);
  }

  /** Only plans below it are worth anything. */
  #cutoff(): number {
    // Above what `evaluate` accepts as kept, below what matters.
    const limit = (this.#problem.limits.periodSeconds ?? Number.POSITIVE_INFINITY) * (1 + 2e-9);
    return Math.min(this.#best?.value ?? Number.POSITIVE_INFINITY, limit);
  }

  #incumbent(): Incumbent | null {
    if (this.#best === null) return null;
    const { placement, value, codecs } = this.#best;
    const own = "codecs by relaxation, branch and bound";
    return {
      placement,
      value,
      bound: Math.min(this.#bound, value),
      method: this.#method === undefined ? own : `${this.#method}; ${own}`,
      ...(codecs === undefined ? {} : { codecs }),
    };
  }

  /** Without a placement, of leaves that are all closed the limits are too tight for any codec. */
  #none(): Infeasible {
    const isProven = this.#open.length === 0;
    const reason = isProven
      ? "no pipeline keeps the limits, whatever the codecs"
      : "no allowed pipeline was found with any codecs, which is no proof that there is none";
    return { ...infeasible(reason), isProven };
  }
}
