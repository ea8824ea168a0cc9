/**
 * Chains of pieces a second time: every way to divide a graph behind nodes that all paths pass.
 *
 * @module
 */

export interface ChainModel {
  readonly nodes: readonly {
    readonly position: number;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }[];
  readonly tensors: readonly {
    readonly name: string;
    /** -1: a graph input. */
    readonly producer: number;
    readonly consumers: readonly number[];
    readonly isOutput: boolean;
  }[];
  readonly deviceCount: number;
}

/** Runs of nodes that end where every path passes, each on a device of its own. */
export function* everyChain(model: ChainModel): Generator<readonly number[]> {
  const isPassed = model.nodes.map((_, node) => !hasPathWithout(model, node));
  const devices = Array.from({ length: model.deviceCount }, (_, device) => device);
  function* place(placement: readonly number[]): Generator<readonly number[]> {
    const last = placement.length - 1;
    if (placement.length === model.nodes.length) {
      yield placement;
      return;
    }
    const isFree = last < 0 || isPassed[last] === true;
    for (const device of devices) {
      const stays = device === placement[last];
      if (!stays && (!isFree || placement.includes(device))) continue;
      yield* place([...placement, device]);
    }
  }
  yield* place([]);
}

/** Whether a path goes round a node, from where an input or nothing is read to an answer or an end. */
function hasPathWithout({ nodes, tensors }: ChainModel, without: number): boolean {
  const made = (names: readonly string[]) => tensors.filter(({ name }) => names.includes(name));
  const visit = (node: number): boolean => {
    if (node === without) return false;
    const results = made(nodes[node]?.outputs ?? []);
    const next = results.flatMap(({ consumers }) => consumers);
    return next.length === 0 || results.some(({ isOutput }) => isOutput) || next.some(visit);
  };
  return nodes.some(({ inputs, position }) => {
    const isFirst = inputs.length === 0 || made(inputs).some(({ producer }) => producer < 0);
    return isFirst && visit(position);
  });
}
