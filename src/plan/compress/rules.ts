/**
 * Which nodes never stand at the end of a cut: what compression merges, and into what.
 *
 * @module
 */
import { articulationNodes } from "../../graph/articulation.ts";
import type { GraphIndex } from "../../graph/graph.ts";
import { leastInside, type Segment } from "./segment.ts";
import {
  type CutWeights,
  isAtLeast,
  isCarriedOn,
  usedInputs,
  usedOutputs,
  weightOfAll,
} from "./weights.ts";

/**
 * Merges along the articulation nodes: one that is no record minimum joins the next one, and so does
 * all that stands between two of them if no cut there is lighter than one before (rules 1 and 3).
 *
 * @returns for each node the node that its group is named for: the last of its members
 */
export function mergeSegments(index: GraphIndex, weights: CutWeights): number[] {
  const heads = index.graph.nodes.map((_, node) => node);
  const rivals = new Rivals(weights);
  let pending: number[] = [];
  const close = (): void => {
    for (const node of pending) heads[node] = pending.at(-1) as number;
    pending = [];
  };
  rivals.add(weightOfAll(usedInputs(index), weights));
  let first = 0;
  for (const end of articulationNodes(index)) {
    const segment: Segment = { entry: first - 1, end };
    if (end === first || rivals.beat(...leastInside(index, segment, weights))) {
      for (let node = first; node < end; node++) pending.push(node);
    } else {
      close();
      rivals.add(null);
    }
    pending.push(end);
    const own = weightOfAll(usedOutputs(index, end, weights), weights);
    if (!rivals.beat(own)) {
      close();
      rivals.add(own);
    }
    first = end + 1;
  }
  close();
  return heads;
}

/**
 * Merges every node that a single node reads from into that one, if its tensor is no lighter than
 * all that it reads itself: taking it out of the ideal then never makes the cut heavier (rule 2).
 */
export function mergeIntoSuccessors(index: GraphIndex, weights: CutWeights): number[] {
  const heads = index.graph.nodes.map((_, node) => node);
  for (let node = heads.length - 1; node >= 0; node--) {
    const outputs = usedOutputs(index, node, weights);
    const isDelivered = outputs.some((tensor) => isCarriedOn(index, tensor, weights));
    const [successor, ...others] = index.successors[node] ?? [];
    if (successor === undefined || others.length > 0 || isDelivered) continue;
    const made = weightOfAll(outputs, weights);
    const read = weightOfAll(index.nodeInputs[node] ?? [], weights);
    if (isAtLeast(made, read)) heads[node] = heads[successor] as number;
  }
  return heads;
}

/**
 * The cuts that are candidates so far, in their order. A later cut that an earlier one outweighs in
 * no component is never needed: if D' ⊂ D and D' weighs no more, D' costs no more.
 *
 * Where boundaries disagree (some prefer fewer tensors, others fewer bytes) and a candidate C lies
 * between the two, an inner boundary may hold C: then D must give way to C, or C to D'.
 */
class Rivals {
  readonly #agrees: boolean;
  /** `null`: cuts that are not known one by one. */
  readonly #cuts: (readonly number[] | null)[] = [];

  constructor({ agrees }: CutWeights) {
    this.#agrees = agrees;
  }

  add(cut: readonly number[] | null): void {
    this.#cuts.push(cut);
  }

  /** @param weights of the cut, or lower bounds, the cheaper to find first */
  beat(...weights: readonly (() => readonly number[])[] | [readonly number[]]): boolean {
    return weights.some((given) => {
      const weight = typeof given === "function" ? given() : given;
      return this.#cuts.some((cut, position) => {
        if (cut === null || !isAtLeast(weight, cut)) return false;
        const between = this.#cuts.slice(position + 1);
        const yields = (other: readonly number[] | null): boolean =>
          other !== null && (isAtLeast(weight, other) || isAtLeast(other, cut));
        return this.#agrees || between.every(yields);
      });
    });
  }
}
