import type { Placement, Problem } from "../../problem.ts";
import type { TileStage } from "../../tiles.ts";
import type { GroupModel } from "../pso/group-model.ts";
import type { ChainStep } from "./chain.ts";
import { equalEnds, type Holding, startOf } from "./chain-costs.ts";

/** A chain as a placement and its shared stages. */
export function layChain(
  { pieces }: GroupModel,
  steps: readonly ChainStep[],
): { placement: Placement; tiles: TileStage[] } {
  const placement: number[] = [];
  const tiles: TileStage[] = [];
  for (const { first, end, holding, tiles: inTurn } of steps) {
    const start = pieces.starts[first] as number;
    const stop = pieces.starts[end] as number;
    const nodes = Array.from({ length: stop - start }, (_, offset) => start + offset);
    for (const _ of nodes) placement.push(holding.devices[0] as number);
    const own = inTurn > 1 ? cutInTurn(pieces.problem, holding, nodes, inTurn) : holding;
    if (own.devices.length < 2) continue;
    tiles.push({
      nodes,
      devices: own.devices,
      rows: own.ends.map((to, member) => ({ from: startOf(own, member), to })),
      ...(own.columns === undefined ? {} : { columns: own.columns }),
    });
  }
  return { placement, tiles };
}

function cutInTurn(
  { index }: Problem,
  { devices }: Holding,
  nodes: readonly number[],
  tiles: number,
): Holding {
  const output = index.nodeOutputs[nodes.at(-1) as number]?.[0] as number;
  const height = index.graph.tensors[output]?.shape[2] as number;
  const ends = equalEnds(height, tiles);
  return { devices: ends.map(() => devices[0] as number), ends };
}
