/**
 * Sums such as the latency where several devices may share stages.
 *
 * @module
 */
import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import type { Problem } from "../../problem.ts";
import { leaks } from "../exact-pieces.ts";
import { type GroupModel, groupModel } from "../pso/group-model.ts";
import {
  type Candidates,
  countHoldings,
  everyHolding,
  keyOf,
  neighboursOf,
  scaled,
  shareOut,
} from "./candidates.ts";
import { type Chain, solveChain } from "./chain.ts";
import { ChainCosts, type Holding } from "./chain-costs.ts";
import { layChain } from "./chain-layout.ts";
import { chooseCuts } from "./cuts.ts";
import { Ledger } from "./ledger.ts";

/** With more devices groups are too many: then the fastest are grouped. */
const mostMembers = 6;
/** Stages that may be looked at where all ways to share are tried. */
const mostStages = 400_000;
const mostRounds = 40;

/** A chain of stages and what it is worth. */
export interface SharedChain extends Incumbent {
  /** Whether no chain of stages between the graph's pieces, however shared by rows, has less latency. */
  readonly isComplete: boolean;
}

/**
 * Looks for the least latency over chains of stages between the graph's pieces, each on one device or
 * shared by rows by up to six: which devices, in which order, with which rows, and where each shared run
 * ends. Where there are few rows and devices all ways are tried, and then the best is the best of them;
 * else shares come from bisection, groups are tried one by one, and the best chain is improved by small
 * changes until none helps.
 *
 * Devices with little memory run shared pieces tile by tile. Other objectives get the same chains, each
 * worth what `evaluate` says.
 *
 * @param most stages that may be looked at to try all ways
 * @returns `null` if there is nothing to share, or nothing allowed was found
 */
export function* planSharedChains(
  problem: Problem,
  most: number = mostStages,
): Generator<SharedChain | null, SharedChain | null> {
  if (leaks(problem)) return null;
  const making = groupModel(problem);
  let made = making.next();
  for (; made.done !== true; made = making.next()) yield null;
  const search = new Search(made.value);
  if (!search.isWorthwhile) return null;
  const complete = search.everything(most);
  if (complete !== null) {
    yield* search.try(complete, true);
    return search.best;
  }
  for (const group of search.groups()) yield* search.try(search.bisected(group), false);
  for (let round = 0, last = null; round < mostRounds && search.chain !== last; round++) {
    last = search.chain;
    if (last === null) break;
    yield* search.try(search.around(last), false);
  }
  return search.best;
}

class Search {
  readonly #model: GroupModel;
  readonly #costs: ChainCosts;
  readonly #ledger: Ledger | null;
  readonly #isCut: readonly boolean[];
  best: SharedChain | null = null;
  /** The chain of the least latency so far. */
  chain: Chain | null = null;

  constructor(model: GroupModel) {
    const { devices } = model.pieces.problem;
    this.#model = model;
    this.#costs = new ChainCosts(model);
    const isLimited = devices.some(({ memoryBytes }) => memoryBytes !== null);
    this.#ledger = isLimited ? new Ledger(model) : null;
    this.#isCut = chooseCuts(model, this.#costs);
  }

  /** Whether nothing but the latency counts: then the chain of the least latency is the best. */
  get #isPlain(): boolean {
    const { objective, limits } = this.#model.pieces.problem;
    const { latencySeconds, periodSeconds, energyJoules } = limits;
    return (
      objective.type === "latency" &&
      this.#ledger === null &&
      [latencySeconds, periodSeconds, energyJoules].every((limit) => limit === undefined)
    );
  }

  /** Whether there are pieces to share, and devices for them or a memory to save. */
  get isWorthwhile(): boolean {
    const { count, pieces, tiledReach } = this.#model;
    const isShared = Array.from({ length: count }, (_, piece) => piece).some(
      (piece) => (tiledReach[piece] as number) > piece,
    );
    return isShared && (pieces.runners.length > 1 || this.#ledger !== null);
  }

  /** All ways to share at each cut; `null` if they are too many. */
  everything(most: number): Candidates | null {
    const { count, pieces } = this.#model;
    if (pieces.runners.length > mostMembers) return null;
    const heights = Array.from({ length: count + 1 }, (_, cut) => this.#heightAt(cut));
    const sizes = heights.map((height) => countHoldings(pieces.runners.length, height));
    let stages = 0;
    for (let cut = 1; cut <= count; cut++) {
      for (let first = 0; first < cut; first++) {
        if ((this.#model.tiledReach[first] as number) < cut) continue;
        stages += (sizes[cut] as number) * ((sizes[first] as number) + pieces.runners.length);
      }
    }
    if (stages > most) return null;
    return heights.map((height) => [...everyHolding(pieces.runners, height)]);
  }

  /** Groups of devices that may share stages, the fastest first and in the middle. */
  *groups(): Generator<readonly number[]> {
    const { runners, seconds, twinBefore } = this.#model.pieces;
    const fastest = [...runners]
      .sort((a, b) => (seconds[a]?.at(-1) ?? 0) - (seconds[b]?.at(-1) ?? 0) || a - b)
      .slice(0, mostMembers);
    const source = this.#model.pieces.problem.source;
    const devices =
      runners.includes(source) && !fastest.includes(source)
        ? [...fastest.slice(0, -1), source]
        : fastest;
    for (let set = 1; set < 2 ** devices.length; set++) {
      const group = devices.filter((_, position) => (set >> position) & 1);
      const skips = group.some((device) => {
        const twin = twinBefore[device] ?? -1;
        return twin >= 0 && devices.includes(twin) && !group.includes(twin);
      });
      if (group.length > 1 && !skips) yield group;
    }
  }

  /** Shares of a group at each cut: for one piece and for all in front of the cut, halos fetched or made. */
  bisected(group: readonly number[]): Candidates {
    return this.#byCut((cut, keep) => {
      const first = this.#firstOf(cut);
      const orders = [group, [...group].reverse(), inside(group)];
      for (const order of orders) {
        for (const start of new Set([first, Math.max(first, cut - 1)])) {
          keep(shareOut(this.#costs, start, cut, order, null));
          const home = start === 0 ? this.#model.pieces.problem.source : (group[0] as number);
          keep(shareOut(this.#costs, start, cut, order, { devices: [home], ends: [] }));
        }
      }
    });
  }

  /** Ways to share at each cut that differ a little from those of a chain. */
  around({ steps }: Chain): Candidates {
    const shared = steps.filter(({ holding }) => holding.devices.length > 1);
    const { runners } = this.#model.pieces;
    return this.#byCut((cut, keep) => {
      for (const step of shared) {
        keep(scaled(step.holding, this.#heightAt(cut)));
        if (step.end !== cut) continue;
        for (const holding of neighboursOf(this.#costs, step, runners.slice(0, mostMembers))) {
          keep(holding);
        }
      }
    });
  }

  /** Solves the chain over some ways to share and keeps what is better. */
  *try(candidates: Candidates, isComplete: boolean): Generator<SharedChain | null, void> {
    const high =
      this.#ledger === null
        ? (this.chain?.seconds ?? Number.POSITIVE_INFINITY)
        : Number.POSITIVE_INFINITY;
    const solving = solveChain(this.#costs, {
      candidates,
      isStart: isComplete ? this.#isCut.map(() => true) : this.#isCut,
      high: high * (1 - 1e-12),
      ledger: this.#ledger,
    });
    let solved = solving.next();
    for (; solved.done !== true; solved = solving.next()) yield this.best;
    const { problem } = this.#model.pieces;
    for (const chain of solved.value) {
      const { placement, tiles } = layChain(this.#model, chain.steps);
      const found = evaluate(problem, placement, tiles);
      if (found.type === "infeasible") continue;
      if (chain.seconds < (this.chain?.seconds ?? Number.POSITIVE_INFINITY)) this.chain = chain;
      if (found.value >= (this.best?.value ?? Number.POSITIVE_INFINITY)) continue;
      const method = isComplete
        ? "all ways to share by rows between pieces"
        : "shared runs by bisection";
      const own = tiles.length > 0 ? { tiles } : {};
      const isProven = isComplete && this.#isPlain;
      this.best = {
        placement,
        ...own,
        value: found.value,
        bound: null,
        method,
        isComplete: isProven,
      };
    }
    yield this.best;
  }

  #heightAt(cut: number): number {
    if (cut === 0 || (this.#model.tiledReach[cut - 1] as number) < cut) return 0;
    return this.#costs.height(cut);
  }

  /** The first piece of the run that may be shared in front of a cut. */
  #firstOf(cut: number): number {
    let first = cut - 1;
    while (first > 0 && (this.#model.tiledReach[first - 1] as number) >= cut) first--;
    return first;
  }

  #byCut(fill: (cut: number, keep: (holding: Holding | null) => void) => void): Candidates {
    return Array.from({ length: this.#model.count + 1 }, (_, cut) => {
      const kept = new Map<string, Holding>();
      if (this.#heightAt(cut) > 1 && (this.#isCut[cut] || cut === this.#model.count)) {
        fill(cut, (holding) => {
          if (holding !== null) kept.set(keyOf(holding), holding);
        });
      }
      return [...kept.values()];
    });
  }
}

/** The fastest in the middle, where rows need halos on both sides. */
function inside(group: readonly number[]): number[] {
  const order: number[] = [];
  group.forEach((device, rank) => {
    if (rank % 2 === 0) order.push(device);
    else order.unshift(device);
  });
  return order;
}
