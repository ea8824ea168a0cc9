import { costLine } from "../cost-line.ts";
import { evaluate } from "../evaluate.ts";
import type { Placement, Problem } from "../problem.ts";
import type { SetLine, StateSet } from "./state-set.ts";

/** An allowed placement with what it costs over a set of states. */
export interface Candidate {
  readonly placement: Placement;
  readonly line: SetLine;
  readonly costs: Float64Array;
  /** What is judged: the mean or a quantile of the costs. */
  readonly value: number;
}

/** Judged costs times states of one local search. */
const mostCosts = 2_000_000;
const mostMoves = 1500;
/** How many nodes move at once from one side of a border to the other. */
const strides = [1, 2, 4, 8, 16];

/** The placements seen so far, judged. */
export class Pool {
  readonly #problem: Problem;
  readonly #set: StateSet;
  readonly #judge: (costs: Float64Array) => number;
  readonly #known = new Map<string, Candidate | null>();
  readonly #sorted: Candidate[] = [];

  constructor(problem: Problem, set: StateSet, judge: (costs: Float64Array) => number) {
    this.#problem = problem;
    this.#set = set;
    this.#judge = judge;
  }

  get best(): Candidate | null {
    return this.#sorted[0] ?? null;
  }

  /** Lines of the placements, the best first. */
  lines(): readonly SetLine[] {
    return this.#sorted.map(({ line }) => line);
  }

  /** Judges a placement; `null`: not allowed. O(nodes + hops + states · (parameters + log states)). */
  add(placement: Placement): Candidate | null {
    const key = placement.join(" ");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const candidate = this.#judged(placement);
    this.#known.set(key, candidate);
    if (candidate === null) return null;
    const after = this.#sorted.findIndex(({ value }) => value > candidate.value);
    this.#sorted.splice(after < 0 ? this.#sorted.length : after, 0, candidate);
    return candidate;
  }

  /** Moves nodes from the best placement as long as that helps; tries a fixed number of moves at most. */
  improve(): void {
    let tries = Math.min(mostMoves, Math.ceil(mostCosts / this.#set.size));
    for (let start = this.best; start !== null; ) {
      for (const placement of this.#neighbours(start.placement)) {
        if (tries-- <= 0) return;
        this.add(placement);
        if (this.best !== start) break;
      }
      if (this.best === start) return;
      start = this.best;
    }
  }

  #judged(placement: Placement): Candidate | null {
    if (evaluate(this.#problem, placement).type === "infeasible") return null;
    const line = costLine(this.#problem, placement);
    if (line === null) return null;
    const reduced = this.#set.reduce(line);
    const costs = this.#set.costs(reduced);
    return { placement, line: reduced, costs, value: this.#judge(costs) };
  }

  /** Nodes at borders between devices on the other side, then single nodes anywhere. */
  *#neighbours(placement: Placement): Generator<Placement> {
    for (const stride of strides) {
      for (let node = 1; node < placement.length; node++) {
        const [before, after] = [placement[node - 1] as number, placement[node] as number];
        if (before === after) continue;
        yield this.#moved(placement, node, node + stride, before);
        yield this.#moved(placement, node - stride, node, after);
      }
    }
    for (let node = 0; node < placement.length; node++) {
      for (let device = 0; device < this.#problem.devices.length; device++) {
        if (placement[node] !== device) yield this.#moved(placement, node, node + 1, device);
      }
    }
  }

  #moved(placement: Placement, from: number, end: number, device: number): Placement {
    const moved = placement.map((old, node) => (node >= from && node < end ? device : old));
    for (const group of this.#problem.groups) {
      if (!group.some((node) => node >= from && node < end)) continue;
      for (const node of group) moved[node] = device;
    }
    return moved;
  }
}
