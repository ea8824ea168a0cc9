/**
 * Sums such as the latency where several devices may share stages.
 *
 * @module
 */
import type { Incumbent } from "../../planner.ts";
import type { Problem } from "../../problem.ts";
import { leaks } from "../exact-pieces.ts";
import { type GroupModel, groupModel } from "../pso/group-model.ts";
import type { Chain } from "./chain.ts";
import { groupsOf, withFirstTwins } from "./groups.ts";
import { better, Trials, type Trying } from "./trials.ts";

/** Of two groups the one goes first whose chain is faster; each step further makes up for so much. */
const perStep = 1.05;
/** Groups whose chains are this many times as slow as the fastest wait until groups they are in need them. */
const promising = 1.25;

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
 * Whoever stops early has a first look at every group, and more of those that looked best.
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
  const trials = new Trials(made.value, most);
  if (!isWorthwhile(made.value, trials)) return null;
  const searching = new Search(made.value, trials).run();
  const found = (isComplete: boolean): SharedChain | null =>
    trials.best === null ? null : { ...trials.best, isComplete };
  for (;;) {
    const { done, value } = searching.next();
    if (done === true) return found(value);
    yield found(false);
  }
}

/** Whether there are pieces to share, and devices for them or a memory to save. */
function isWorthwhile({ count, pieces, tiledReach }: GroupModel, { isShort }: Trials): boolean {
  const isShared = Array.from({ length: count }, (_, piece) => piece).some(
    (piece) => (tiledReach[piece] as number) > piece,
  );
  return isShared && (pieces.runners.length > 1 || isShort);
}

/** A group of devices and what was found for it. */
interface Standing {
  readonly members: readonly number[];
  /** Those with a device less. */
  readonly parts: readonly Standing[];
  /** All groups in it, itself the last. */
  readonly within: readonly Standing[];
  /** Whether all ways to share by rows are tried in the end. */
  readonly isTriable: boolean;
  /** From the first look; all that follows is left out while it is not known. */
  sketch?: Chain | null;
  rows?: Chain | null;
  grids?: Chain | null;
  /** How many of the steps to these two were taken. */
  steps: number;
  /** Any of the groups in it shares, and all of its devices may run pieces alone. */
  spread?: Chain | null;
  /** From what the best of the groups in it has by itself. */
  wide?: Chain | null;
  /** The best of the group and those in it. */
  found?: Chain | null;
}

/** The order in which groups are looked at. */
class Search {
  readonly #model: GroupModel;
  readonly #trials: Trials;
  /** Groups stand behind those in them. */
  readonly #standings: readonly Standing[];

  constructor(model: GroupModel, trials: Trials) {
    this.#model = model;
    this.#trials = trials;
    this.#standings = standingsOf(model, trials);
  }

  /** @returns whether all ways to share by rows were tried, and nothing but the latency counts */
  *run(): Trying<boolean> {
    const whole = this.#standings.at(-1);
    if (whole === undefined) return false;
    if (!this.#trials.canTryAllSoon(whole.members)) yield* this.#survey(whole);
    for (const standing of this.#standings.toReversed()) {
      if (!this.#cannotBeat(standing, this.#fastest())) yield* this.#solve(standing);
    }
    const isTried = whole.isTriable && whole.members.length === this.#model.pieces.runners.length;
    return isTried && this.#trials.isPlain;
  }

  /** A first look at every group, and then more of those that look best. */
  *#survey(whole: Standing): Trying<void> {
    for (const standing of this.#standings) {
      standing.sketch = atOnce(this.#trials.sketch(standing.members));
      yield null;
    }
    yield* inTurns([this.#spread(whole), this.#advanceAll(whole)]);
  }

  /** Steps of the groups that look best, and what the one that did so at first leads to. */
  *#advanceAll(whole: Standing): Trying<void> {
    const home = homeOf(whole);
    for (let next = this.#mostPromising(); next !== null; next = this.#mostPromising()) {
      yield* this.#advance(next);
      if (next === home && isAtEnd(home)) yield* this.#widen(whole);
    }
  }

  #mostPromising(): Standing | null {
    const promise = (standing: Standing): number => looks(standing) * perStep ** standing.steps;
    const fastest = this.#fastest();
    const most = promising * (fastest?.seconds ?? Infinity);
    const open = this.#standings.filter(
      (standing) =>
        !isAtEnd(standing) && looks(standing) < most && !this.#cannotBeat(standing, fastest),
    );
    if (open.length === 0) return null;
    return open.reduce((best, own) => (promise(own) < promise(best) ? own : best));
  }

  #fastest(): Chain | null {
    return this.#standings
      .flatMap(({ sketch, rows, grids, spread, wide, found }) =>
        present(sketch, rows, grids, spread, wide, found),
      )
      .reduce(better, null);
  }

  /** Whether no chain of a group is faster than one that is known; else every plan counts. */
  #cannotBeat({ members }: Standing, known: Chain | null): boolean {
    return this.#trials.isPlain && known !== null && this.#trials.bound(members) >= known.seconds;
  }

  /** Takes the next step of a group, which depends on its members alone. */
  *#advance(standing: Standing): Trying<void> {
    const { members, sketch = null, rows, grids } = standing;
    const step = standing.steps++;
    if (step === 0) {
      standing.rows = better(sketch, yield* this.#trials.rows(members, members, sketch));
    } else if (step === 1) standing.rows = yield* this.#trials.polish(present(rows), members);
    else if (step === 2) standing.grids = yield* this.#trials.grids(members);
    else standing.grids = yield* this.#trials.polish(present(grids), members);
  }

  *#finish(standing: Standing): Trying<void> {
    while (!isAtEnd(standing)) yield* this.#advance(standing);
  }

  /** Any of the groups in one shares, and all of its devices may run pieces alone. */
  *#spread(standing: Standing): Trying<void> {
    const { within, members } = standing;
    if (standing.spread !== undefined) return;
    let best: Chain | null = null;
    for (const part of within.toSorted((a, b) => sketched(a) - sketched(b))) {
      best = better(best, yield* this.#trials.rows(part.members, members, best));
    }
    standing.spread = yield* this.#trials.polish(present(best), members);
  }

  /** What the group that looked best of those in one leads to, once all may help. */
  *#widen(standing: Standing): Trying<void> {
    if (standing.wide !== undefined) return;
    const home = homeOf(standing);
    yield* this.#finish(home);
    standing.wide = yield* this.#trials.polish(present(home.rows, home.grids), standing.members);
  }

  /**
   * The best chain of a group, from the best of the groups with one device less: so that whoever has one
   * device more also has all that is found without it.
   */
  *#solve(standing: Standing): Trying {
    if (standing.found !== undefined) return standing.found;
    const { members } = standing;
    let known: Chain | null = null;
    for (const part of standing.parts.toSorted((a, b) => sketched(a) - sketched(b))) {
      if (!this.#cannotBeat(part, known)) known = better(known, yield* this.#solve(part));
    }
    if (this.#cannotBeat(standing, known)) standing.found = known;
    else if (standing.isTriable) {
      standing.found = better(known, yield* this.#trials.all(members, known));
    } else {
      yield* this.#spread(standing);
      yield* this.#finish(standing);
      yield* this.#widen(standing);
      const { rows, grids, spread, wide } = standing;
      standing.found = yield* this.#trials.polish(
        present(known, rows, grids, spread, wide),
        members,
      );
    }
    return standing.found;
  }
}

function standingsOf({ pieces }: GroupModel, trials: Trials): Standing[] {
  const keyOf = (group: readonly number[]): string => group.toSorted((a, b) => a - b).join();
  const standings = new Map<string, Standing>();
  for (const members of groupsOf(trials.costs)) {
    if (members.length < 2 && !trials.isShort) continue;
    const parts = members.flatMap((member) => {
      const others = members.filter((device) => device !== member);
      return standings.get(keyOf(withFirstTwins(pieces, others))) ?? [];
    });
    const within: Standing[] = [];
    const standing: Standing = {
      members,
      parts: [...new Set(parts)],
      within,
      isTriable: trials.canTryAll(members),
      steps: 0,
    };
    within.push(...new Set(parts.flatMap((part) => part.within)), standing);
    standings.set(keyOf(members), standing);
  }
  return [...standings.values()];
}

/** Where all ways are tried in the end, there is no need for grids by themselves. */
function isAtEnd({ isTriable, steps }: Standing): boolean {
  return steps >= (isTriable ? 2 : 4);
}

/** The seconds of what was found for a group itself, if all of its devices help. */
function looks({ members, sketch, rows, grids }: Standing): number {
  const chain = present(sketch, rows, grids).reduce(better, null);
  return chain !== null && isUsedUp(chain, members) ? chain.seconds : Infinity;
}

function sketched({ members, sketch }: Standing): number {
  return sketch != null && isUsedUp(sketch, members) ? sketch.seconds : Infinity;
}

function isUsedUp({ steps }: Chain, members: readonly number[]): boolean {
  return members.every((device) => steps.some(({ holding }) => holding.devices.includes(device)));
}

/** Of the groups in one, itself included, that which looked best at first. */
function homeOf(standing: Standing): Standing {
  return standing.within.reduce(
    (best, own) => (sketched(own) < sketched(best) ? own : best),
    standing,
  );
}

function present(...chains: readonly (Chain | null | undefined)[]): Chain[] {
  return chains.filter((chain) => chain != null);
}

/** All steps as one. */
function atOnce<T>(trying: Trying<T>): T {
  for (;;) {
    const { done, value } = trying.next();
    if (done === true) return value;
  }
}

/** A step of each in turn, until all have ended. */
function* inTurns(searches: readonly Trying<void>[]): Trying<void> {
  let open = searches;
  while (open.length > 0) {
    open = open.filter((search) => search.next().done !== true);
    yield null;
  }
}
