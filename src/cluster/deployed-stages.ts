import { CodedError } from "../base/errors.ts";
import type { GraphIndex } from "../graph/graph.ts";
import { regionSize } from "../graph/window.ts";
import type { StageWork } from "../plan/stage-works.ts";
import { type Extents, regionName } from "./region-name.ts";

/** What one device runs at once: a stage, or a tile of one. */
export interface DeployedStage {
  readonly id: string;
  /** Regions that it needs, graph inputs included; may be empty. */
  readonly inputs: readonly string[];
  /** Regions that others need: another stage, or whoever asked. */
  readonly outputs: readonly string[];
}

/** What a work reads and makes. @throws PLAN_INVALID if it is a tile of what cannot be cut */
export function deployStage(index: GraphIndex, work: StageWork, extents: Extents): DeployedStage {
  const { id, nodes, tile } = work;
  const isMade = (tensor: number): boolean => {
    const region = tile?.tensors.get(tensor);
    return region === undefined || regionSize(region) > 0;
  };
  const found = crossingTensors(index, nodes);
  // Of a tensor that is much smaller than the others a tile may have nothing.
  const crossing = { inputs: found.inputs.filter(isMade), outputs: found.outputs.filter(isMade) };
  const nameOf = (tensor: number): string => index.graph.tensors[tensor]?.name ?? "";
  const regionOf = (tensor: number): string => {
    const region = tile?.tensors.get(tensor);
    return region === undefined ? nameOf(tensor) : regionName(nameOf(tensor), region, extents);
  };
  const uncut = crossing.outputs.map(nameOf).find((name) => !Object.hasOwn(extents, name));
  if (tile === null || uncut === undefined) {
    return { id, inputs: crossing.inputs.map(regionOf), outputs: crossing.outputs.map(regionOf) };
  }
  throw new CodedError(
    "PLAN_INVALID",
    `stage '${id}' is to be run in tiles, and its tensor '${uncut}' cannot be cut: it is not [batch, channels, height, width], or a tensor of the graph is named as regions are ('t[0:1,0:1]')`,
  );
}

/** What nodes read of others, and what others read of them. */
function crossingTensors(
  index: GraphIndex,
  nodes: readonly number[],
): { readonly inputs: readonly number[]; readonly outputs: readonly number[] } {
  const inside = new Set(nodes);
  const inputs = new Set<number>();
  const outputs: number[] = [];
  for (const node of nodes) {
    for (const tensor of index.nodeInputs[node] ?? []) {
      const producer = index.producer[tensor] ?? null;
      if (producer === null || !inside.has(producer)) inputs.add(tensor);
    }
    for (const tensor of index.nodeOutputs[node] ?? []) {
      const consumers = index.consumers[tensor] ?? [];
      const leaves = consumers.some((consumer) => !inside.has(consumer));
      if (leaves || index.outputs.includes(tensor)) outputs.push(tensor);
    }
  }
  return { inputs: [...inputs], outputs };
}
