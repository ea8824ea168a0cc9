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
import { type Chain, type ChainStep, solveChain } from "./chain.ts";
import { ChainCosts, type Holding } from "./chain-costs.ts";
import { layChain } from "./chain-layout.ts";
import { chooseCuts } from "./cuts.ts";
import { gridsOf } from "./grids.ts";
import { groupsOf, withFirstTwins } from "./groups.ts";
import { Ledger } from "./ledger.ts";
import { isShortOfMemory } from "./short-memory.ts";

/** Stages that may be looked at where all ways to share are tried. */
const mostStages = 400_000;
/** The same for two devices, with which most stages need not be worked out. */
const mostOfPairs = 300_000_000;
const mostRounds = 40;
/** Ways to share at a cut that are followed where not all are tried. */
const mostFollowed = 32;

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
  most?: number,
): Generator<SharedChain | null, SharedChain | null> {
  if (leaks(problem)) return null;
  const making = groupModel(problem);
  let made = making.next();
  for (; made.done !== true; made = making.next()) yield null;
  const search = new Search(made.value, most);
  if (!search.isWorthwhile) return null;
  const isComplete = yield* search.grow();
  return search.best === null ? null : { ...search.best, isComplete };
}

/** What one solution of the chain is for. */
interface Trial {
  /** Who may run stages. */
  readonly members: readonly number[];
  /** Chains that are not better than this one are of no interest. */
  readonly known?: Chain | null;
  readonly isComplete?: boolean;
}

class Search {
  readonly #model: GroupModel;
  readonly #costs: ChainCosts;
  /** Of several devices and of one that runs everything; `null`: no device is short of memory. */
  readonly #ledgers: { readonly several: Ledger; readonly alone: Ledger } | null;
  readonly #isCut: readonly boolean[];
  readonly #most: number | undefined;
  best: SharedChain | null = null;

  /** @param most stages that may be looked at to try all ways; left out: by what they cost */
  constructor(model: GroupModel, most: number | undefined) {
    const { problem } = model.pieces;
    this.#model = model;
    this.#costs = new ChainCosts(model);
    this.#most = most;
    const isLimited = problem.devices.some((_, device) => isShortOfMemory(problem, device));
    this.#ledgers = isLimited
      ? { several: new Ledger(model, false), alone: new Ledger(model, true) }
      : null;
    this.#isCut = chooseCuts(model, this.#costs);
  }

  /** Whether nothing but the latency counts: then the chain of the least latency is the best. */
  get #isPlain(): boolean {
    const { objective, limits } = this.#model.pieces.problem;
    const { latencySeconds, periodSeconds, energyJoules } = limits;
    return (
      objective.type === "latency" &&
      this.#ledgers === null &&
      [latencySeconds, periodSeconds, energyJoules].every((limit) => limit === undefined)
    );
  }

  /** Whether there are pieces to share, and devices for them or a memory to save. */
  get isWorthwhile(): boolean {
    const { count, pieces, tiledReach } = this.#model;
    const isShared = Array.from({ length: count }, (_, piece) => piece).some(
      (piece) => (tiledReach[piece] as number) > piece,
    );
    return isShared && (pieces.runners.length > 1 || this.#ledgers !== null);
  }

  /** All ways to share at each cut, grids besides; `null` if they are too many. */
  #everything(group: readonly number[]): Candidates | null {
    const { count } = this.#model;
    const cuts = Array.from({ length: count + 1 }, (_, cut) => cut);
    const sizes = cuts.map((cut) => countHoldings(group.length, this.#heightAt(cut)));
    let stages = 0;
    for (let cut = 1; cut <= count; cut++) {
      for (let first = 0; first < cut; first++) {
        if ((this.#model.tiledReach[first] as number) < cut) continue;
        stages += (sizes[cut] as number) * ((sizes[first] as number) + group.length);
      }
    }
    const isPair = group.length === 2 && this.#ledgers === null;
    if (stages > (this.#most ?? (isPair ? mostOfPairs : mostStages))) return null;
    const grids = this.#bisected(group, "grids");
    return cuts.map((cut) => [
      ...everyHolding(group, this.#heightAt(cut)),
      ...(grids[cut] as readonly Holding[]),
    ]);
  }

  /**
   * The best chain of every group of devices, the smaller ones first: so that whoever has one device
   * more also has all that is found without it.
   *
   * @returns whether all ways to share by rows were tried, and nothing but the latency counts
   */
  *grow(): Generator<SharedChain | null, boolean> {
    const found = new Map<string, Chain>();
    let isComplete = false;
    const { pieces } = this.#model;
    for (const group of groupsOf(this.#costs)) {
      if (group.length < 2 && this.#ledgers === null) continue;
      let known: Chain | null = null;
      for (const member of group) {
        const others = group.filter((device) => device !== member);
        const fewer = withFirstTwins(pieces, others);
        known = better(known, found.get(fewer.join()) ?? null);
      }
      const all = this.#everything(group);
      isComplete = all !== null && group.length === pieces.runners.length;
      const best: Chain | null =
        all === null
          ? yield* this.#bend(group, known)
          : better(known, yield* this.#try(all, { members: group, known, isComplete: true }));
      if (best !== null) found.set(group.join(), best);
    }
    return isComplete && this.#isPlain && this.#answersLast;
  }

  /** Whether only the last piece makes answers: what brings earlier ones to the sink is not looked at. */
  get #answersLast(): boolean {
    const { problem, starts } = this.#model.pieces;
    const { outputs, producer } = problem.index;
    const last = starts[this.#model.count - 1] as number;
    return problem.sink === null || outputs.every((tensor) => (producer[tensor] ?? last) >= last);
  }

  /** What bisection and small changes find for a group. */
  *#bend(
    members: readonly number[],
    known: Chain | null,
  ): Generator<SharedChain | null, Chain | null> {
    let best = known;
    const chains = known === null ? [] : [known];
    for (const shape of ["rows", "grids"] as const) {
      const start: Chain | null = yield* this.#try(this.#bisected(members, shape), { members });
      const end: Chain | null = start === null ? null : yield* this.#polish([start], members);
      if (end !== null) chains.push(end);
      best = better(best, end);
    }
    if (best === null) return null;
    const others = chains.filter((chain) => chain !== best);
    return yield* this.#polish([best, ...others], members);
  }

  /** Changes the first chain as long as that helps; what the others share is looked at, too. */
  *#polish(
    [first, ...others]: readonly Chain[],
    members: readonly number[],
  ): Generator<SharedChain | null, Chain> {
    let known = first as Chain;
    for (let round = 0; round < mostRounds; round++) {
      const candidates = this.#around(known, others, members);
      const found: Chain | null = yield* this.#try(candidates, { members, known });
      if (found === null) break;
      known = found;
    }
    return known;
  }

  /** Shares of a group at each cut: for one piece and for all in front of the cut, halos fetched or made. */
  #bisected(group: readonly number[], shape: "rows" | "grids"): Candidates {
    return this.#byCut((cut, keep) => {
      const first = this.#firstOf(cut);
      const height = this.#heightAt(cut);
      const pace = (device: number): number =>
        1 / this.#costs.member(first, cut, device, 0, height);
      for (const order of [group, [...group].reverse(), inside(group)]) {
        if (shape === "grids") {
          for (const grid of gridsOf(order, height, this.#costs.width(cut), pace)) keep(grid);
          continue;
        }
        for (const start of new Set([first, Math.max(first, cut - 1)])) {
          keep(shareOut(this.#costs, start, cut, order, null));
          const home = start === 0 ? this.#model.pieces.problem.source : (group[0] as number);
          keep(shareOut(this.#costs, start, cut, order, { devices: [home], ends: [] }));
        }
      }
    });
  }

  /** Ways to share at each cut that differ a little from those of a chain, and those of others. */
  #around({ steps }: Chain, others: readonly Chain[], members: readonly number[]): Candidates {
    const isShared = ({ holding }: ChainStep): boolean => holding.devices.length > 1;
    const further = others.flatMap((chain) => chain.steps).filter(isShared);
    return this.#byCut((cut, keep) => {
      for (const { holding } of [...steps.filter(isShared), ...further]) {
        keep(scaled(holding, this.#heightAt(cut), this.#costs.width(cut)));
      }
      for (const step of steps.filter(isShared)) {
        if (step.end !== cut) continue;
        for (const holding of neighboursOf(this.#costs, step, members)) keep(holding);
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
    { members, known = null, isComplete = false }: Trial,
  ): Generator<SharedChain | null, Chain | null> {
    const high = this.#ledgers === null && known !== null ? known.seconds : Infinity;
    const solving = solveChain(this.#costs, {
      candidates,
      members,
      isStart: isComplete ? this.#isCut.map(() => true) : this.#isCut,
      high: high * (1 - 1e-12),
      width: isComplete ? Infinity : mostFollowed,
      ledger: this.#ledgers?.[members.length > 1 ? "several" : "alone"] ?? null,
    });
    let solved = solving.next();
    for (; solved.done !== true; solved = solving.next()) yield this.best;
    let first: Chain | null = null;
    for (const chain of solved.value) {
      if (!this.#keep(chain, isComplete)) continue;
      first ??= chain;
      // Those behind take longer.
      if (this.#isPlain) break;
    }
    yield this.best;
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
      isComplete: false,
    };
    return true;
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

function better(one: Chain | null, other: Chain | null): Chain | null {
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
