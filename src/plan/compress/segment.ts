import type { GraphIndex } from "../../graph/graph.ts";
import { FlowNetwork } from "../../graph/max-flow.ts";
import type { CutWeights } from "./weights.ts";

/** What stands between two articulation nodes that follow one another. */
export interface Segment {
  /** -1: the inputs of the graph. */
  readonly entry: number;
  readonly end: number;
}

/** Vertices times flows at most: a larger segment is left as it is. */
const mostWork = 200_000;
/** Weights become whole numbers of up to this many bits. */
const bits = 40;

/**
 * The least that a cut strictly inside a segment weighs, in each component: first a bound that is
 * found at once, then the true one.
 *
 * A cut inside holds the entry and not the end, and at least one node that reads nothing but the
 * entry's tensors; so it is the least of one maximum flow for each of these.
 */
export function leastInside(
  index: GraphIndex,
  segment: Segment,
  weights: CutWeights,
): [() => readonly number[], () => readonly number[]] {
  const { entry, end } = segment;
  const components = Array.from({ length: weights.components }, (_, component) => component);
  const tensors = tensorsOf(index, segment);
  const crossing = tensors.filter((tensor) => isEntering(index, tensor, entry));
  const skips = crossing.filter((tensor) => index.consumers[tensor]?.includes(end));
  const lightest = components.map((component) =>
    Math.max(
      tensors.reduce((least, t) => Math.min(least, weights.weightOf(t, component)), Infinity),
      skips.reduce((sum, tensor) => sum + weights.weightOf(tensor, component), 0),
    ),
  );
  return [
    () => lightest,
    () => {
      const firsts = firstNodes(index, segment);
      if (firsts.length * (end - entry + tensors.length) > mostWork) return lightest;
      return components.map((component) => {
        const cut = new SegmentCut(index, segment, tensors, (t) => weights.weightOf(t, component));
        return Math.min(...firsts.map((node) => cut.least(node)));
      });
    },
  ];
}

/** Tensors that some node inside, or the end, reads. */
function tensorsOf(index: GraphIndex, { entry, end }: Segment): number[] {
  const tensors = new Set<number>();
  for (let node = entry + 1; node <= end; node++) {
    for (const tensor of index.nodeInputs[node] ?? []) tensors.add(tensor);
  }
  return [...tensors];
}

function isEntering(index: GraphIndex, tensor: number, entry: number): boolean {
  return (index.producer[tensor] ?? -1) <= entry;
}

function firstNodes(index: GraphIndex, { entry, end }: Segment): number[] {
  const found: number[] = [];
  for (let node = entry + 1; node < end; node++) {
    const read = index.nodeInputs[node] ?? [];
    if (read.every((tensor) => isEntering(index, tensor, entry))) found.push(node);
  }
  return found;
}

const held = 0;
const barred = 1;

/** The flow network of a segment: the entry is held on this side of the cut, the end barred from it. */
class SegmentCut {
  readonly #network: FlowNetwork;
  readonly #factor: number;
  readonly #unlimited: number;
  readonly #first: number;
  readonly #holds: readonly number[];

  constructor(
    index: GraphIndex,
    { entry, end }: Segment,
    tensors: readonly number[],
    weightOf: (tensor: number) => number,
  ) {
    const all = tensors.reduce((sum, tensor) => sum + weightOf(tensor), 0);
    const isWhole = tensors.every((tensor) => Number.isInteger(weightOf(tensor)));
    this.#factor = isWhole || all === 0 ? 1 : 2 ** (bits - Math.ceil(Math.log2(all)));
    this.#unlimited = Math.ceil(all * this.#factor) + 1;
    this.#first = entry + 1;
    const inside = end - this.#first;
    const network = new FlowNetwork(2 + inside + tensors.length);
    const vertexOf = (node: number): number => {
      if (node <= entry) return held;
      return node === end ? barred : 2 + node - this.#first;
    };
    tensors.forEach((tensor, position) => {
      const from = vertexOf(index.producer[tensor] ?? -1);
      const spread = 2 + inside + position;
      // Rounded down, so that the flow is never above what a cut weighs.
      network.arc(from, spread, Math.floor(weightOf(tensor) * this.#factor));
      for (const consumer of index.consumers[tensor] ?? []) {
        if (consumer > end) continue;
        network.arc(spread, vertexOf(consumer), this.#unlimited);
        network.arc(vertexOf(consumer), from, this.#unlimited);
      }
    });
    this.#holds = Array.from({ length: inside }, (_, node) => network.arc(held, 2 + node, 0));
    this.#network = network;
  }

  /** The least weight of a cut that holds a node. */
  least(node: number): number {
    const hold = this.#holds[node - this.#first] as number;
    this.#network.setCapacity(hold, this.#unlimited);
    const { value } = this.#network.minCut(held, barred);
    this.#network.setCapacity(hold, 0);
    return value / this.#factor;
  }
}
