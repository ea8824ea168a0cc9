import { successorsOf } from "../../graph/ideals.ts";
import type { ThroughputModel } from "./exact-throughput-model.ts";

/**
 * Topological orders whose ideals are worth cutting at: as given, branch after branch, rank by rank,
 * and always on with the unit that leaves the fewest bytes crossing. O(units² + uses) time.
 */
export function topologicalOrders(model: ThroughputModel): number[][] {
  const { predecessors } = model.contraction;
  const ranks: number[] = [];
  predecessors.forEach((before, unit) => {
    ranks[unit] = Math.max(0, ...before.map((other) => (ranks[other] as number) + 1));
  });
  return [
    [...predecessors.keys()],
    pickInTurn(predecessors, (ready) => ready.length - 1),
    pickInTurn(predecessors, (ready) => argMin(ready, (unit) => ranks[unit] as number)),
    leastCrossing(model),
  ];
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

function leastCrossing({ contraction, flows, made }: ThroughputModel): number[] {
  const read: number[][] = contraction.units.map(() => []);
  flows.forEach(({ consumers }, flow) => {
    for (const unit of consumers) read[unit]?.push(flow);
  });
  return pickInTurn(contraction.predecessors, (ready, taken) =>
    argMin(ready, (unit) => {
      const added = (made[unit] ?? []).reduce((sum, flow) => sum + bytesOf(flow), 0);
      const last = (read[unit] ?? []).filter((flow) =>
        flows[flow]?.consumers.every((other) => other === unit || taken.has(other)),
      );
      return added - last.reduce((sum, flow) => sum + bytesOf(flow), 0);
    }),
  );

  function bytesOf(flow: number): number {
    return flows[flow]?.bytes as number;
  }
}

function argMin(items: readonly number[], cost: (item: number) => number): number {
  const costs = items.map(cost);
  return costs.indexOf(Math.min(...costs));
}
