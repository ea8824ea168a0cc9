import type { GraphIndex } from "../graph/graph.ts";
import type { Placement } from "./problem.ts";

/** Nodes that run together on one device, ascending. */
export interface StageNodes {
  readonly device: number;
  readonly nodes: readonly number[];
}

/**
 * Groups a placement into stages, in an order in which every stage stands behind those that feed it.
 *
 * If the devices, joined by arrows from producers to consumers, form a DAG, each used device is one
 * stage. Otherwise a node's depth counts the changes of device on the way to it, and the nodes of
 * one device and one depth are one stage. O(nodes + edges + devices²) time.
 */
export function groupStages(index: GraphIndex, placement: Placement): StageNodes[] {
  const depths = deviceDepths(index, placement);
  const depthOf =
    depths === null
      ? nodeDepths(index, placement)
      : placement.map((device) => depths.get(device) as number);
  const stages = new Map<string, { device: number; depth: number; nodes: number[] }>();
  placement.forEach((device, node) => {
    const depth = depthOf[node] as number;
    const key = `${depth} ${device}`;
    const stage = stages.get(key) ?? { device, depth, nodes: [] };
    stage.nodes.push(node);
    stages.set(key, stage);
  });
  // The map holds stages by their first node: a stable sort by depth keeps graph order among equals.
  return [...stages.values()]
    .sort((a, b) => a.depth - b.depth)
    .map(({ device, nodes }) => ({ device, nodes }));
}

/** Whether no tensor makes its way back to a device that it, or what it was made from, came from. */
export function isPipeline(index: GraphIndex, placement: Placement): boolean {
  return deviceDepths(index, placement) !== null;
}

/** Longest path of arrows that ends at each used device; `null` if the arrows form a cycle. */
function deviceDepths(index: GraphIndex, placement: Placement): Map<number, number> | null {
  const before = new Map<number, Set<number>>(placement.map((device) => [device, new Set()]));
  placement.forEach((device, node) => {
    for (const producer of index.predecessors[node] ?? []) {
      const other = placement[producer] as number;
      if (other !== device) before.get(device)?.add(other);
    }
  });
  const depths = new Map<number, number>();
  while (depths.size < before.size) {
    const ready = [...before].filter(
      ([device, others]) => !depths.has(device) && [...others].every((other) => depths.has(other)),
    );
    if (ready.length === 0) return null;
    for (const [device, others] of ready) {
      depths.set(device, Math.max(0, ...[...others].map((other) => (depths.get(other) ?? 0) + 1)));
    }
  }
  return depths;
}

function nodeDepths(index: GraphIndex, placement: Placement): number[] {
  const depths: number[] = [];
  placement.forEach((device, node) => {
    let depth = 0;
    for (const producer of index.predecessors[node] ?? []) {
      const changes = placement[producer] === device ? 0 : 1;
      depth = Math.max(depth, (depths[producer] as number) + changes);
    }
    depths.push(depth);
  });
  return depths;
}
