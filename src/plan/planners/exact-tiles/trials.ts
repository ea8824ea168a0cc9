import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import type { GroupModel } from "../pso/group-model.ts";
import { boundRest } from "./bound.ts";
import {
  type Candidates,
  countHoldings,
  everyHolding,
  keyOf,
  neighboursOf,
  scaled,
  shareOut,
} from "./candidates.ts";
import { type Chain, type ChainStep, solveChain } from "./chain.ts";
import { ChainCosts, type Holding } from "./chain-costs.ts";
import { layChain } from "./chain-layout.ts";
import { chooseCuts, chooseFewCuts } from "./cuts.ts";
import { gridsOf } from "./grids.ts";
import { Ledger } from "./ledger.ts";
import { isShortOfMemory } from "./short-memory.ts";

/** Stages that may be looked at where all ways to share are tried. */
const mostStages = 400_000;
/** The same for two devices, with which most stages need not be worked out. */
const mostOfPairs = 300_000_000;
const mostRounds = 40;
/** Ways to share at a cut that are followed where not all are tried. */
const mostFollowed = 32;

/** Finds a chain and yields on the way. */
export type Trying<T = Chain | null> = Generator<null, T>;

/** What one solution of the chain is for. */
interface Trial {
  /** Who may run stages. */
  readonly members: readonly number[];
  /** Chains that are not better than this one are of no interest. */
  readonly known?: Chain | null;
  readonly isComplete?: boolean;
  /** Where shared pieces may begin. */
  readonly isStart?: readonly boolean[];
}

/**
 * What can be tried with a group of devices: ways to share at each cut, and the best chain over these.
 * What is found depends on the group alone, not on what was tried before.
 */
export class Trials {
  readonly costs: ChainCosts;
  readonly #model: GroupModel;
  /** Of several devices and of one that runs everything; `null`: no device is short of memory. */
  readonly #ledgers: { readonly several: Ledger; readonly alone: Ledger } | null;
  readonly #isCut: readonly boolean[];
  readonly #isFewCut: readonly boolean[];
  readonly #most: number | undefined;
  readonly #rests = new Map<string, Float64Array>();
  readonly #rows = new Map<string, Candidates>();
  /** The best plan of all that was tried. */
  best: Incumbent | null = null;

  /** @param most stages that may be looked at to try all ways; left out: by what they cost */
  constructor(model: GroupModel, most: number | undefined) {
    const { problem } = model.pieces;
    this.#model = model;
    this.costs = new ChainCosts(model);
    this.#most = most;
    const isLimited = problem.devices.some((_, device) => isShortOfMemory(problem, device));
    this.#ledgers = isLimited
      ? { several: new Ledger(model, false), alone: new Ledger(model, true) }
      : null;
    this.#isCut = chooseCuts(model, this.costs);
    this.#isFewCut = chooseFewCuts(this.#isCut, this.costs);
  }

  /** Whether one device may run tile by tile what it has no memory for otherwise. */
  get isShort(): boolean {
    return this.#ledgers !== null;
  }

  /** Whether a chain is worth its seconds: nothing but the latency counts, and the chain has all of it. */
  get isPlain(): boolean {
    const { objective, limits } = this.#model.pieces.problem;
    const { latencySeconds, periodSeconds, energyJoules } = limits;
    return (
      objective.type === "latency" &&
      !this.isShort &&
      [latencySeconds, periodSeconds, energyJoules].every((limit) => limit === undefined) &&
      this.#answersLast
    );
  }

  /** Seconds that no chain of a group is below. */
  bound(group: readonly number[]): number {
    return this.#restOf(group)[0] as number;
  }

  /** Whether all ways to share by rows are few enough to be tried, by default for this group. */
  canTryAll(group: readonly number[], most: number = this.#mostOf(group)): boolean {
    const { count, tiledReach } = this.#model;
    const sizes = Array.from({ length: count + 1 }, (_, cut) =>
      countHoldings(group.length, this.#heightAt(cut)),
    );
    let stages = 0;
    for (let cut = 1; cut <= count; cut++) {
      for (let first = 0; first < cut; first++) {
        if ((tiledReach[first] as number) < cut) continue;
        stages += (sizes[cut] as number) * ((sizes[first] as number) + group.length);
      }
    }
    return stages <= most;
  }

  /** Whether that takes no time to speak of. */
  canTryAllSoon(group: readonly number[]): boolean {
    return this.canTryAll(group, Math.min(mostStages, this.#mostOf(group)));
  }

  /** The best of all ways to share by rows, grids besides, if it is better than what is known. */
  *all(group: readonly number[], known: Chain | null): Trying {
    const grids = yield* this.#bisected(group, "grids");
    const all = grids.map((own, cut) => [...everyHolding(group, this.#heightAt(cut)), ...own]);
    return yield* this.#try(all, { members: group, known, isComplete: true });
  }

  /** The best of one way to share at each of a few cuts: a first look. */
  *sketch(group: readonly number[]): Trying {
    const isStart = this.#isFewCut;
    const candidates = yield* this.#byCut(isStart, (cut, keep) => {
      keep(shareOut(this.costs, cut - 1, cut, group, null));
    });
    return yield* this.#try(candidates, { members: group, isStart });
  }

  /**
   * The best by rows from bisection, if it is better than what is known.
   *
   * @param group who may share
   * @param members who may run pieces alone
   */
  *rows(group: readonly number[], members: readonly number[], known: Chain | null): Trying {
    const key = group.join();
    const candidates = this.#rows.get(key) ?? (yield* this.#bisected(group, "rows"));
    this.#rows.set(key, candidates);
    return yield* this.#try(candidates, { members, known });
  }

  /** The best by grids in proportion to what the members compute in a second. */
  *grids(group: readonly number[]): Trying {
    return yield* this.#try(yield* this.#bisected(group, "grids"), { members: group });
  }

  /** Changes the best of some chains as long as that helps; what the others share is looked at, too. */
  *polish(chains: readonly Chain[], members: readonly number[]): Trying {
    let known = chains.reduce(better, null);
    const others = chains.filter((chain) => chain !== known);
    for (let round = 0; known !== null && round < mostRounds; round++) {
      const candidates = yield* this.#around(known, others, members);
      const found: Chain | null = yield* this.#try(candidates, { members, known });
      if (found === null) break;
      known = found;
    }
    return known;
  }

  /** Whether only the last piece makes answers: what brings others to the sink is not looked at. */
  get #answersLast(): boolean {
    const { problem, starts } = this.#model.pieces;
    const { index, sink, source } = problem;
    const last = starts[this.#model.count - 1] as number;
    // An input that is an answer is at the source.
    const given = sink === source ? last : -1;
    return sink === null || index.outputs.every((out) => (index.producer[out] ?? given) >= last);
  }

  #mostOf(group: readonly number[]): number {
    const isPair = group.length === 2 && !this.isShort;
    return this.#most ?? (isPair ? mostOfPairs : mostStages);
  }

  #restOf(group: readonly number[]): Float64Array {
    const key = group.join();
    const known = this.#rests.get(key) ?? boundRest(this.#model, group);
    this.#rests.set(key, known);
    return known;
  }

  /** Shares of a group at each cut: for one piece and for all in front of the cut, halos fetched or made. */
  #bisected(group: readonly number[], shape: "rows" | "grids"): Trying<Candidates> {
    return this.#byCut(this.#isCut, (cut, keep) => {
      const first = this.#firstOf(cut);
      const height = this.#heightAt(cut);
      const pace = (device: number): number => 1 / this.costs.member(first, cut, device, 0, height);
      for (const order of [group, [...group].reverse(), inside(group)]) {
        if (shape === "grids") {
          for (const grid of gridsOf(order, height, this.costs.width(cut), pace)) keep(grid);
          continue;
        }
        for (const start of new Set([first, cut - 1])) {
          keep(shareOut(this.costs, start, cut, order, null));
          const home = start === 0 ? this.#model.pieces.problem.source : (group[0] as number);
          keep(shareOut(this.costs, start, cut, order, home));
        }
      }
    });
  }

  /** Ways to share at each cut that differ a little from those of a chain, and those of others. */
  #around(
    { steps }: Chain,
    others: readonly Chain[],
    members: readonly number[],
  ): Trying<Candidates> {
    const isShared = ({ holding }: ChainStep): boolean => holding.devices.length > 1;
    const further = others.flatMap((chain) => chain.steps).filter(isShared);
    return this.#byCut(this.#isCut, (cut, keep) => {
      for (const { holding } of [...steps.filter(isShared), ...further]) {
        keep(scaled(holding, this.#heightAt(cut), this.costs.width(cut)));
      }
      for (const step of steps.filter(isShared)) {
        if (step.end !== cut) continue;
        for (const holding of neighboursOf(this.costs, step, members)) keep(holding);
      }
    });
  }

  /**
   * Solves the chain over some ways to share.
   *
   * @returns the chain of the least latency; `null` if none is better than what is known
   */
  *#try(
    candidates: Candidates,
    { members, known = null, isComplete = false, isStart = this.#isCut }: Trial,
  ): Trying {
    const high = !this.isShort && known !== null ? known.seconds : Infinity;
    const chains = yield* solveChain(this.costs, {
      candidates,
      members,
      isStart: isComplete ? this.#isCut.map(() => true) : isStart,
      high: high * (1 - 1e-12),
      rest: this.#restOf(members),
      width: isComplete ? Infinity : mostFollowed,
      ledger: this.#ledgers?.[members.length > 1 ? "several" : "alone"] ?? null,
    });
    let first: Chain | null = null;
    for (const chain of chains) {
      const isAllowed = this.#keep(chain, isComplete);
      yield null;
      if (!isAllowed) continue;
      first ??= chain;
      // Those behind take longer.
      if (this.isPlain) break;
    }
    return first !== null && first.seconds < (known?.seconds ?? Infinity) ? first : null;
  }

  /** Keeps a chain if it is the best; whether it is allowed. */
  #keep(chain: Chain, isComplete: boolean): boolean {
    const { placement, tiles } = layChain(this.#model, chain.steps);
    const found = evaluate(this.#model.pieces.problem, placement, tiles);
    if (found.type === "infeasible") return false;
    if (found.value >= (this.best?.value ?? Infinity)) return true;
    this.best = {
      placement,
      ...(tiles.length > 0 ? { tiles } : {}),
      value: found.value,
      bound: null,
      method: isComplete
        ? "all ways to share by rows between pieces"
        : "shared runs by bisection, grids, small changes",
    };
    return true;
  }

  #heightAt(cut: number): number {
    if (cut === 0 || (this.#model.tiledReach[cut - 1] as number) < cut) return 0;
    return this.costs.height(cut);
  }

  /** The first piece of the run that may be shared in front of a cut. */
  #firstOf(cut: number): number {
    let first = cut - 1;
    while (first > 0 && (this.#model.tiledReach[first - 1] as number) >= cut) first--;
    return first;
  }

  *#byCut(
    isUsed: readonly boolean[],
    fill: (cut: number, keep: (holding: Holding | null) => void) => void,
  ): Trying<Candidates> {
    const candidates: Holding[][] = [];
    for (let cut = 0; cut <= this.#model.count; cut++) {
      const kept = new Map<string, Holding>();
      if (this.#heightAt(cut) > 1 && (isUsed[cut] || cut === this.#model.count)) {
        fill(cut, (holding) => {
          if (holding !== null) kept.set(keyOf(holding), holding);
        });
        yield null;
      }
      candidates.push([...kept.values()]);
    }
    return candidates;
  }
}

/** The faster of two chains, the first one if they are equal. */
export function better(one: Chain | null, other: Chain | null): Chain | null {
  if (one === null || other === null) return one ?? other;
  return other.seconds < one.seconds ? other : one;
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
