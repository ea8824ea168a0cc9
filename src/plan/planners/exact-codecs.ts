/**
 * The least period over placements and codecs.
 *
 * @module
 */
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Placement, Problem } from "../problem.ts";
import { findHops, type Hop } from "../transfers.ts";
import { type CodedPlacement, chooseForPlacement } from "./exact-codecs-choice.ts";
import { CodecTable, keyOf, type Option, type Settled } from "./exact-codecs-table.ts";

/** Runs of the planner, and its steps beyond the first few of each run but the first: a minute or so. */
const limits = { runs: 2000, steps: 1000, freeSteps: 5 } as const;

/** Codecs that are settled for some hops, with no codec settled: all. */
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
 * The planner first solves a relaxation, in which each hop costs in every respect the least over its
 * codecs. What it finds is given real codecs by rules and by changes at the bottleneck; its bound
 * holds for all choices. Then it solves the problem with the fastest codec everywhere, the smallest,
 * and none, for better placements. What gap is left is closed by branch and bound: of the relaxation's
 * best placement the hop whose real codec exceeds the relaxed cost most is settled, each codec in turn.
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

  constructor(problem: Problem, table: CodecTable, tools: Tools, minimise: Planner["plan"]) {
    this.#problem = problem;
    this.#table = table;
    this.#tools = tools;
    this.#minimise = minimise;
  }

  *run(): Planning {
    const refusal = yield* this.#branch();
    if (refusal !== null && refusal.isProven !== false) return refusal;
    this.#steps = 0;
    yield* this.#tryRules();
    while (this.#runs < limits.runs && this.#steps < limits.steps) {
      if (!this.#open.some(({ isStuck }) => !isStuck)) break;
      yield* this.#branch();
    }
    this.#dropClosed();
    if (this.#best !== null) {
      this.#raise(this.#best.value);
      return this.#incumbent() as Incumbent;
    }
    return refusal ?? this.#none();
  }

  /** Solves the leaf with the least bound and replaces it by what is left to do. */
  *#branch(): Generator<Incumbent | null, Infeasible | null> {
    const leaf = this.#take();
    if (leaf === null) return null;
    const relaxed = this.#table.relax(leaf.settled);
    let bound = leaf.bound;
    const result = yield* this.#solve(relaxed, (found) => {
      bound = Math.max(bound, found.bound ?? 0);
      this.#raise(bound);
      if (!this.#isClosed(found.value)) this.#keep(found, leaf.settled);
    });
    if ("type" in result) {
      // Where the planner has not proven it, it may yet be wrong.
      if (result.isProven === false) this.#open.push({ ...leaf, isStuck: true });
      return result;
    }
    if (!this.#isClosed(bound)) this.#split(leaf, bound, result.placement);
    return null;
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

  #split(leaf: Leaf, bound: number, placement: Placement): void {
    const hop = this.#mostRelaxed(placement, leaf.settled);
    if (hop === null) {
      this.#open.push({ ...leaf, bound, isStuck: true });
      return;
    }
    for (const option of this.#table.options(hop.link, hop.tensor)) {
      const settled = new Map([...leaf.settled, [keyOf(hop.link, hop.tensor), option]]);
      this.#open.push({ settled, bound, isStuck: false });
    }
  }

  /** The hop whose cost in the relaxation differs most from that of any of its codecs. */
  #mostRelaxed(placement: Placement, settled: Settled): Hop | null {
    const hops = findHops(this.#problem, placement);
    if ("to" in hops) return null;
    let most: { readonly hop: Hop; readonly excess: number } | null = null;
    for (const hop of hops) {
      const { link, tensor } = hop;
      if (this.#table.ideal(link, tensor, settled) !== undefined) continue;
      const options = this.#table.options(link, tensor);
      const excess = Math.min(
        ...options.map((option: Option) => this.#table.excess(link, tensor, option)),
      );
      if (most === null || excess > most.excess) most = { hop, excess };
    }
    return most?.hop ?? null;
  }

  /** Solves the problem with codecs by a rule, for the sake of the placements. */
  *#tryRules(): Generator<Incumbent | null, void> {
    const { hops } = this.#problem;
    const rules: ((link: number, tensor: number) => Option)[] = [
      (link, tensor) => hops.codec(link, tensor),
      (link, tensor) => this.#table.smallest(link, tensor),
      () => null,
    ];
    for (const rule of rules) {
      if (this.#isClosed(this.#bound) || this.#steps >= limits.steps) return;
      const problem = { ...this.#problem, hops: hops.withCodecs(rule) };
      yield* this.#solve(problem, (found) => this.#keep(found, new Map()));
    }
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

  #keep({ placement, method }: Incumbent, settled: Settled): void {
    if (placement === this.#tried) return;
    this.#tried = placement;
    const found = chooseForPlacement(this.#problem, this.#table, placement, settled);
    if (found === null || (this.#best !== null && found.value >= this.#best.value)) return;
    this.#best = found;
    this.#method = method;
  }

  /** @param current bound of what is being solved; the bound of all is the least of those open */
  #raise(current: number): void {
    const least = Math.min(current, ...this.#open.map(({ bound }) => bound));
    this.#bound = Math.max(this.#bound, least);
  }

  #isClosed(bound: number): boolean {
    const allowed = (this.#problem.limits.periodSeconds ?? Number.POSITIVE_INFINITY) * (1 + 2e-9);
    const cutoff = Math.min(this.#best?.value ?? Number.POSITIVE_INFINITY, allowed);
    return bound >= cutoff * (1 - 1e-9);
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
