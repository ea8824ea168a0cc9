import type { GraphIndex } from "../graph/graph.ts";
import type { Placement } from "./problem.ts";
import type { TileStage } from "./tiles.ts";

/** Nodes that run together on one device, ascending. */
export interface StageNodes {
  /** The first member, if several devices run the stage. */
  readonly device: number;
  readonly nodes: readonly number[];
  /** The members and their rows, if several devices run it. */
  readonly tiles?: TileStage;
}

/**
 * Groups a placement into stages, in an order in which every stage stands behind those that feed it.
 *
 * If the devices, joined by arrows from producers to consumers, form a DAG, each used device is one
 * stage. Otherwise a node's depth counts the changes of device on the way to it, and the nodes of
 * one device and one depth are one stage. O(nodes + edges + devices²) time.
 *
 * @param tiles each of them is one stage, as if a device of its own ran it; default: none
 */
export function groupStages(
  index: GraphIndex,
  placement: Placement,
  tiles: readonly TileStage[] = [],
): StageNodes[] {
  const owners = tiles.length === 0 ? placement : withOwners(placement, tiles);
  return groupByOwner(index, owners, tiles).map(({ device, nodes }) => {
    const stage = tiles[ownerOf(device)];
    return stage === undefined
      ? { device, nodes }
      : { device: firstOf(stage), nodes, tiles: stage };
  });
}

/** A tile-parallel stage counts as a device of its own, below 0. */
function withOwners(placement: Placement, tiles: readonly TileStage[]): Placement {
  const owners = [...placement];
  tiles.forEach(({ nodes }, stage) => {
    for (const node of nodes) owners[node] = ownerOf(stage);
  });
  return owners;
}

/** From a stage's position to its owner and back. */
function ownerOf(stage: number): number {
  return -1 - stage;
}

function firstOf({ devices }: TileStage): number {
  return devices[0] as number;
}

function groupByOwner(
  index: GraphIndex,
  owners: Placement,
  tiles: readonly TileStage[],
): StageNodes[] {
  const depths = deviceDepths(index, owners);
  const depthOf =
    depths === null
      ? nodeDepths(index, owners, tiles)
      : owners.map((device) => depths.get(device) as number);
  const stages = new Map<string, { device: number; depth: number; nodes: number[] }>();
  owners.forEach((device, node) => {
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

/**
 * Whether no tensor makes its way back to a device that it, or what it was made from, came from.
 *
 * @param tiles stages that several devices run: what each of them makes comes from all of them
 */
export function isPipeline(
  index: GraphIndex,
  placement: Placement,
  tiles: readonly TileStage[] = [],
): boolean {
  if (tiles.length === 0) return deviceDepths(index, placement) !== null;
  return longestPaths(memberArrows(index, placement, tiles)) !== null;
}

/** For each used device those with an arrow to it. */
type Arrows = Map<number, Set<number>>;

/** Arrows from every member that runs a producer to every one that runs a consumer in another stage. */
function memberArrows(
  index: GraphIndex,
  placement: Placement,
  tiles: readonly TileStage[],
): Arrows {
  const stageOf = new Map(tiles.flatMap((stage) => stage.nodes.map((node) => [node, stage])));
  const runnersOf = (node: number): readonly number[] =>
    stageOf.get(node)?.devices ?? [placement[node] as number];
  const before: Arrows = new Map();
  placement.forEach((_, node) => {
    const stage = stageOf.get(node);
    const producers = (index.predecessors[node] ?? []).filter(
      (producer) => stage === undefined || stageOf.get(producer) !== stage,
    );
    const others = producers.flatMap(runnersOf);
    for (const device of runnersOf(node)) {
      const known = before.get(device) ?? new Set();
      before.set(device, known);
      for (const other of others) if (other !== device) known.add(other);
    }
  });
  return before;
}

/** Longest path of arrows that ends at each used device; `null` if the arrows form a cycle. */
function deviceDepths(index: GraphIndex, placement: Placement): Map<number, number> | null {
  const before: Arrows = new Map(placement.map((device) => [device, new Set()]));
  placement.forEach((device, node) => {
    for (const producer of index.predecessors[node] ?? []) {
      const other = placement[producer] as number;
      if (other !== device) before.get(device)?.add(other);
    }
  });
  return longestPaths(before);
}

function longestPaths(before: Arrows): Map<number, number> | null {
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

/** The nodes of a tile-parallel stage stand as deep as the deepest of them. */
function nodeDepths(
  index: GraphIndex,
  owners: Placement,
  tiles: readonly TileStage[],
): readonly number[] {
  const floors: number[] = owners.map(() => 0);
  for (;;) {
    const depths = pathDepths(index, owners, floors);
    const shallow = tiles.filter(({ nodes }) =>
      nodes.some((node) => (depths[node] as number) < deepest(nodes, depths)),
    );
    if (shallow.length === 0) return depths;
    for (const { nodes } of shallow) {
      for (const node of nodes) floors[node] = deepest(nodes, depths);
    }
  }
}

function deepest(nodes: readonly number[], depths: readonly number[]): number {
  return Math.max(...nodes.map((node) => depths[node] as number));
}

/** @param floors below which no node stands */
function pathDepths(index: GraphIndex, owners: Placement, floors: readonly number[]): number[] {
  const depths: number[] = [];
  owners.forEach((device, node) => {
    let depth = floors[node] as number;
    for (const producer of index.predecessors[node] ?? []) {
      const changes = owners[producer] === device ? 0 : 1;
      depth = Math.max(depth, (depths[producer] as number) + changes);
    }
    depths.push(depth);
  });
  return depths;
}
