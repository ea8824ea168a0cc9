import { CodedError } from "../base/errors.ts";
import type { GraphIndex } from "../graph/graph.ts";

/**
 * What privacy ties to the source.
 *
 * The kept nodes are every ancestor of a tensor, or the first nodes in graph order. A tensor that a
 * kept node reads is private: all its consumers must stand on the source too, so that a tensor made
 * by a kept node may leave only if no kept node reads it.
 *
 * @param keepLocal a tensor's name, or a number of nodes; `undefined`: nothing is private
 * @returns `nodes`: the kept ones and the other consumers of private tensors; `tensors`: the
 * private ones
 * @throws TENSOR_UNKNOWN, USAGE_INVALID
 */
export function privateSet(
  index: GraphIndex,
  keepLocal: string | number | undefined,
): { nodes: Set<number>; tensors: Set<number> } {
  const kept = keptNodes(index, keepLocal);
  const tensors = new Set([...kept].flatMap((node) => index.nodeInputs[node] ?? []));
  const nodes = new Set([
    ...kept,
    ...[...tensors].flatMap((tensor) => index.consumers[tensor] ?? []),
  ]);
  return { nodes, tensors };
}

function keptNodes(index: GraphIndex, keepLocal: string | number | undefined): Set<number> {
  if (keepLocal === undefined) return new Set();
  if (typeof keepLocal === "number") {
    const count = index.graph.nodes.length;
    if (Number.isInteger(keepLocal) && keepLocal >= 0 && keepLocal <= count) {
      return new Set(Array.from({ length: keepLocal }, (_, node) => node));
    }
    throw new CodedError(
      "USAGE_INVALID",
      `${keepLocal} nodes cannot be kept local: the graph has ${count}`,
    );
  }
  const tensor = index.tensorByName.get(keepLocal);
  if (tensor === undefined) {
    throw new CodedError(
      "TENSOR_UNKNOWN",
      `no tensor is named '${keepLocal}' in the graph that is planned; the profile lists them (optimising a model removes some)`,
      { tensor: keepLocal },
    );
  }
  const first = index.producer[tensor] ?? null;
  const kept = new Set(first === null ? [] : [first]);
  for (const node of kept) {
    for (const before of index.predecessors[node] ?? []) kept.add(before);
  }
  return kept;
}
