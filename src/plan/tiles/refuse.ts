import { CodedError } from "../../base/errors.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import type { Problem } from "../problem.ts";

/**
 * For what does not know stages that several devices run together.
 *
 * @param what it is, in words: "a front"
 * @throws USAGE_INVALID if the problem allows them
 */
export function refuseTiles({ limits }: Problem, what: string): void {
  if (limits.tiles !== true) return;
  throw new CodedError(
    "USAGE_INVALID",
    `${what} knows no stages that several devices run together; leave out the limit 'tiles' (--tiles)`,
  );
}

/** Nodes that hold channels in blocks, where ONNX Runtime optimises to the level `all`. */
export function blockedNodes({ nodes }: Graph): readonly Node[] {
  return nodes.filter(({ operator }) => operator.startsWith("com.microsoft.nchwc:"));
}

/**
 * For who asks for tiles.
 *
 * @throws USAGE_INVALID if the graph has nodes that hold channels in blocks
 */
export function refuseBlocked(graph: Graph): void {
  const blocked = blockedNodes(graph);
  const [first] = blocked;
  if (first === undefined) return;
  throw new CodedError(
    "USAGE_INVALID",
    `${blocked.length} of ${graph.nodes.length} nodes of '${graph.name}', '${first.name}' (${first.operator}) the first, hold channels in blocks, as graphs optimised to the level 'all' do: no rows can be cut out of their tensors; profile the model again with --level extended, or leave out --tiles`,
    { node: first.name, operator: first.operator, nodes: blocked.length },
  );
}
