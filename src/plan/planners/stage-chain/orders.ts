import type { Random } from "../../../base/random.ts";
import { successorsOf } from "../../../graph/ideals.ts";

/** Units, what feeds them, and the tensors that pass between them. */
export interface OrderedGraph {
  readonly predecessors: readonly (readonly number[])[];
  readonly flows: readonly {
    readonly producer: number | null;
    readonly consumers: readonly number[];
  }[];
}

/**
 * Topological orders whose ideals are worth cutting at: as given, branch after branch from the
 * front and from the back, rank by rank, and always on with the unit that leaves the least crossing.
 * O(units² + uses) time.
 *
 * @param weights of the flows
 */
export function topologicalOrders(graph: OrderedGraph, weights: readonly number[]): number[][] {
  const { predecessors } = graph;
  const ranks: number[] = [];
  predecessors.forEach((before, unit) => {
    ranks[unit] = Math.max(0, ...before.map((other) => (ranks[other] as number) + 1));
  });
  return [
    [...predecessors.keys()],
    depthFirstOrder(graph),
    pickInTurn(predecessors, (ready) => argMin(ready, (unit) => ranks[unit] as number)),
    leastCrossing(graph, weights),
    lastMoment(predecessors),
  ];
}

/** A topological order that goes on, whenever it can, with what the last unit feeds. */
export function depthFirstOrder({ predecessors }: OrderedGraph): number[] {
  return pickInTurn(predecessors, (ready) => ready.length - 1);
}

/** A topological order by chance. */
export function randomOrder({ predecessors }: OrderedGraph, random: Random): number[] {
  return pickInTurn(predecessors, (ready) =>
    // Now and then another branch: orders that change it at every step cut through all of them.
    random.next() < 0.8 ? ready.length - 1 : random.integer(ready.length),
  );
}

/** Every unit as late as those that read it allow, branch after branch. */
function lastMoment(predecessors: readonly (readonly number[])[]): number[] {
  const successors = successorsOf(predecessors);
  return pickInTurn(successors, (ready) => ready.length - 1).reverse();
}

/** Takes the ready unit at the position that `pick` says; units that get ready go to the end. */
function pickInTurn(
  predecessors: readonly (readonly number[])[],
  pick: (ready: readonly number[], taken: ReadonlySet<number>) => number,
): number[] {
  const successors = successorsOf(predecessors);
  const ready = predecessors.flatMap((before, unit) => (before.length === 0 ? [unit] : []));
  const taken = new Set<number>();
  while (ready.length > 0) {
    const [unit] = ready.splice(pick(ready, taken), 1) as [number];
    taken.add(unit);
    for (const next of successors[unit] ?? []) {
      if (predecessors[next]?.every((before) => taken.has(before))) ready.push(next);
    }
  }
  return [...taken];
}

function leastCrossing(
  { predecessors, flows }: OrderedGraph,
  weights: readonly number[],
): number[] {
  const made: number[][] = predecessors.map(() => []);
  const read: number[][] = predecessors.map(() => []);
  flows.forEach(({ producer, consumers }, flow) => {
    if (producer !== null) made[producer]?.push(flow);
    for (const unit of consumers) read[unit]?.push(flow);
  });
  const weigh = (some: readonly number[]): number =>
    some.reduce((sum, flow) => sum + (weights[flow] as number), 0);
  return pickInTurn(predecessors, (ready, taken) =>
    argMin(ready, (unit) => {
      const last = (read[unit] ?? []).filter((flow) =>
        flows[flow]?.consumers.every((other) => other === unit || taken.has(other)),
      );
      return weigh(made[unit] ?? []) - weigh(last);
    }),
  );
}

function argMin(items: readonly number[], cost: (item: number) => number): number {
  const costs = items.map(cost);
  return costs.indexOf(Math.min(...costs));
}
