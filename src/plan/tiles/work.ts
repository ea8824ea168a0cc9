import { shareOfNode } from "../../graph/tile.ts";
import type { Region } from "../../graph/window.ts";
import type { Problem } from "../problem.ts";
import type { Layout, MemberStage } from "../tiles.ts";
import type { AwaitedHop } from "./hops.ts";

/** Seconds that each device of a stage computes in it: all its tiles, one after the other. O(members · nodes). */
export function stageSeconds(
  { index, seconds }: Problem,
  { nodes, members }: MemberStage,
): Map<number, number> {
  const computed = new Map<number, number>();
  for (const { device, tile } of members) {
    const own = nodes.reduce(
      (sum, node) =>
        sum + seconds.get(device, node) * shareOfNode(index, node, tile.nodes.get(node) as Region),
      0,
    );
    computed.set(device, (computed.get(device) ?? 0) + own);
  }
  return computed;
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
      add(device, node, shareOfNode(problem.index, node, tile.nodes.get(node) as Region));
    }
  });
  return compute;
}

/**
 * Nodes outside of tile-parallel stages and hops that none of these waits for one after the other,
 * and for each stage the longest that one of its devices receives and computes.
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
    const seconds = problem.hops.hopSeconds(hop.link, hop.tensor, hop.share);
    if (stage === null) latency += seconds;
    const own = waits[stage ?? -1];
    for (const device of members) own?.set(device, (own.get(device) ?? 0) + seconds);
  }
  stages.forEach((stage, position) => {
    const times = [...stageSeconds(problem, stage)].map(
      ([device, computed]) => (waits[position]?.get(device) ?? 0) + computed,
    );
    latency += Math.max(...times);
  });
  return latency;
}
