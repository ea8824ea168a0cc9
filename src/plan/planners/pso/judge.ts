import { evaluate } from "../../evaluate.ts";
import type { Infeasible } from "../../feasibility.ts";
import type { Placement } from "../../problem.ts";
import type { TileStage } from "../../tiles.ts";
import { splitOverGroups } from "./group-dp.ts";
import type { GroupModel } from "./group-model.ts";
import { type GroupStage, GroupTimes } from "./group-times.ts";
import { normalise, type Partition } from "./partitions.ts";

/** The best that dynamic programming finds for a partition, and what it costs. */
export interface Candidate {
  /** `Infinity` if it is not allowed. */
  readonly value: number;
  readonly placement: Placement;
  readonly tiles: readonly TileStage[];
}

const none: Candidate = { value: Number.POSITIVE_INFINITY, placement: [], tiles: [] };

/** Solves and evaluates partitions, each once. */
export class Judge {
  readonly #model: GroupModel;
  readonly #times: GroupTimes;
  readonly #known = new Map<string, Candidate>();
  /** Of the first candidate that is not allowed. */
  refusal: Infeasible | null = null;

  constructor(model: GroupModel) {
    this.#model = model;
    this.#times = new GroupTimes(model);
  }

  /** How many partitions were solved. */
  get solved(): number {
    return this.#known.size;
  }

  /** Whether a partition like this one was solved before. */
  isKnown(partition: Partition): boolean {
    return this.#known.has(keyOf(normalise(partition, this.#model.pieces.twinBefore)));
  }

  /**
   * What a partition is worth by `evaluate`. The dynamic programme takes devices at their slowest link
   * to the groups beside, used or not; where that matters it is done again for those that are used.
   */
  *judge(partition: Partition): Generator<null, Candidate> {
    const groups = normalise(partition, this.#model.pieces.twinBefore);
    const key = keyOf(groups);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { candidate, used } = yield* this.#solve(groups);
    this.#known.set(key, candidate);
    if (this.#times.isUniform || used === null || keyOf(used) === key) return candidate;
    const reduced = yield* this.judge(used);
    const better = reduced.value < candidate.value ? reduced : candidate;
    this.#known.set(key, better);
    return better;
  }

  *#solve(groups: Partition): Generator<null, { candidate: Candidate; used: Partition | null }> {
    const contexts = groups.map((group, position) =>
      this.#times.context(group, groups[position - 1] ?? [], groups[position + 1] ?? []),
    );
    const { seconds, ends } = yield* splitOverGroups(this.#times, contexts, this.#model.count);
    if (!Number.isFinite(seconds)) return { candidate: none, used: null };
    const stages = ends.flatMap((end, group) => {
      const first = ends[group - 1] ?? 0;
      const context = contexts[group];
      if (end === first || context === undefined) return [];
      const stage = this.#times.stage(context, first, end - 1);
      return stage === null ? [] : [{ ...stage, first, end }];
    });
    const used = stages.map(({ sharers, alone }) => [...new Set([alone, ...sharers])]);
    const placed = this.#place(stages);
    const found = evaluate(this.#model.pieces.problem, placed.placement, placed.tiles);
    if (found.type === "infeasible") {
      this.refusal ??= found;
      return { candidate: none, used };
    }
    return { candidate: { ...placed, value: found.value }, used };
  }

  #place(
    stages: readonly (GroupStage & { readonly first: number; readonly end: number })[],
  ): Omit<Candidate, "value"> {
    const { starts } = this.#model.pieces;
    const placement: number[] = [];
    const tiles: TileStage[] = [];
    for (const { sharers, ends, lastShared, alone, first, end } of stages) {
      const from = starts[first] as number;
      const shared = sharers.length === 0 ? from : (starts[lastShared + 1] as number);
      while (placement.length < shared) placement.push(sharers[0] as number);
      while (placement.length < (starts[end] as number)) placement.push(alone);
      if (sharers.length < 2) continue;
      tiles.push({
        nodes: Array.from({ length: shared - from }, (_, offset) => from + offset),
        devices: sharers,
        rows: ends.map((to, member) => ({ from: ends[member - 1] ?? 0, to })),
      });
    }
    return { placement, tiles };
  }
}

function keyOf(groups: Partition): string {
  return groups.map((group) => group.join(",")).join("|");
}
