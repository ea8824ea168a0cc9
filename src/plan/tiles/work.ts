import { memoryBytes } from "../../cost/memory.ts";
import { heightOf, shareOfNode, shareOfTensor } from "../../graph/tile.ts";
import { type Rows, spanRows } from "../../graph/window.ts";
import type { Problem } from "../problem.ts";
import type { Layout, MemberStage } from "../tiles.ts";
import type { AwaitedHop } from "./hops.ts";

/** Seconds that a member computes in a stage. O(nodes). */
export function memberSeconds(
  { index, seconds }: Problem,
  { nodes, members }: MemberStage,
  member: number,
): number {
  const { device, tile } = members[member] as MemberStage["members"][number];
  return nodes.reduce(
    (sum, node) =>
      sum + seconds.get(device, node) * shareOfNode(index, node, tile.nodes.get(node) as Rows),
    0,
  );
}

/** What each device computes, in seconds. */
export function tiledCompute(problem: Problem, { placement, stages, stageOf }: Layout): number[] {
  const compute = problem.devices.map(() => 0);
  const add = (device: number, node: number, share: number): void => {
    compute[device] = (compute[device] as number) + problem.seconds.get(device, node) * share;
  };
  placement.forEach((single, node) => {
    const stage = stages[stageOf[node] ?? -1];
    if (stage === undefined) add(single, node, 1);
    for (const { device, tile } of stage?.members ?? []) {
      add(device, node, shareOfNode(problem.index, node, tile.nodes.get(node) as Rows));
    }
  });
  return compute;
}

/**
 * Nodes outside of tile-parallel stages and hops that none of these waits for one after the other,
 * and for each stage the longest that one of its members receives and computes.
 */
export function tiledLatency(
  problem: Problem,
  { placement, stages, stageOf }: Layout,
  hops: readonly AwaitedHop[],
): number {
  let latency = 0;
  placement.forEach((device, node) => {
    if (stageOf[node] === null) latency += problem.seconds.get(device, node);
  });
  const waits = stages.map(() => new Map<number, number>());
  for (const { hop, stage, members } of hops) {
    const seconds = problem.hops.hopSeconds(hop.link, hop.tensor, hop.piece?.share);
    if (stage === null) latency += seconds;
    const own = waits[stage ?? -1];
    for (const device of members) own?.set(device, (own.get(device) ?? 0) + seconds);
  }
  stages.forEach((stage, position) => {
    const times = stage.members.map(
      ({ device }, member) =>
        (waits[position]?.get(device) ?? 0) + memberSeconds(problem, stage, member),
    );
    latency += Math.max(...times);
  });
  return latency;
}

/** Bytes that each device of the topology needs: of a tensor those of the rows that it reads or makes. */
export function tiledMemory(problem: Problem, layout: Layout): number[] {
  const { index, kinds, devices } = problem;
  const nodes: number[][] = devices.map(() => []);
  layout.placement.forEach((single, node) => {
    const stage = layout.stages[layout.stageOf[node] ?? -1];
    const runners = stage === undefined ? [single] : stage.members.map(({ device }) => device);
    for (const device of runners) nodes[device]?.push(node);
  });
  return nodes.map((own, device) => {
    const held = rowsHeld(problem, layout, device, own);
    const bytesOf = (tensor: number): number => {
      const bytes = index.graph.tensors[tensor]?.bytes ?? 0;
      const rows = held.get(tensor);
      return rows === undefined ? bytes : bytes * shareOfTensor(index, tensor, rows);
    };
    return memoryBytes(index, own, kinds[device]?.overheadBytes ?? 0, bytesOf);
  });
}

/** Of tensors that a device reads or makes as a member; with all rows where it also does alone. */
function rowsHeld(
  { index }: Problem,
  { stages, stageOf }: Layout,
  device: number,
  nodes: readonly number[],
): Map<number, Rows> {
  const held = new Map<number, Rows>();
  const add = (tensor: number, rows: Rows): void => {
    held.set(tensor, spanRows(rows, held.get(tensor) ?? { from: 0, to: 0 }));
  };
  const tiles = stages.flatMap(({ members }) =>
    members.filter((member) => member.device === device),
  );
  if (tiles.length === 0) return held;
  for (const { tile } of tiles) for (const [tensor, rows] of tile.tensors) add(tensor, rows);
  for (const node of nodes) {
    if (stageOf[node] !== null) continue;
    for (const tensor of [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])]) {
      add(tensor, { from: 0, to: heightOf(index, tensor) });
    }
  }
  return held;
}
