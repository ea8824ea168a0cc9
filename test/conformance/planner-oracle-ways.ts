/**
 * Ways from the source a second time: placements in which no tensor comes back.
 *
 * @module
 */

export interface WayModel {
  readonly tensors: readonly {
    /** -1: a graph input. */
    readonly producer: number;
    readonly consumers: readonly number[];
  }[];
  readonly source: number;
  /** By `distancesFrom`. */
  readonly distances: readonly number[];
}

/** Whether every consumer is at least as many links away from the source as what it reads. */
export function isOneWay(model: WayModel, placement: readonly number[]): boolean {
  return model.tensors.every(({ producer, consumers }) => {
    const home = producer < 0 ? model.source : (placement[producer] as number);
    return consumers.every(
      (node) =>
        (model.distances[placement[node] as number] as number) >= (model.distances[home] as number),
    );
  });
}

/** Links between the source and each device. */
export function distancesFrom(
  source: number,
  links: readonly { readonly ends: readonly [number, number] }[],
  count: number,
): number[] {
  const distances = Array.from({ length: count }, (_, device) =>
    device === source ? 0 : Number.POSITIVE_INFINITY,
  );
  for (let round = 1; round < count; round++) {
    for (const { ends } of links) {
      const reached = (distances[ends[0]] as number) + 1;
      if (reached < (distances[ends[1]] as number)) distances[ends[1]] = reached;
    }
  }
  return distances;
}
