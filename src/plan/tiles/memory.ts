import { bytesOfSteps, type MemoryStep, memoryBytes, memoryStep } from "../../cost/memory.ts";
import type { GraphIndex } from "../../graph/graph.ts";
import { leavingTensors, shareOfTensor, wholeRegion } from "../../graph/tile.ts";
import { type Region, spanRegion } from "../../graph/window.ts";
import type { Problem } from "../problem.ts";
import { type Layout, lastOf, type MemberStage } from "../tiles.ts";

/**
 * Bytes that each device of the topology needs: of a tensor those of the region that it reads or makes.
 *
 * A device that stands several times in a stage runs one tile after the other: it holds all that its
 * tiles read and make together and, besides, what one of them holds at a time; each tile is loaded with
 * parameters of its own.
 */
export function tiledMemory(problem: Problem, layout: Layout): number[] {
  const { index, kinds, devices } = problem;
  const nodes: number[][] = devices.map(() => []);
  layout.placement.forEach((single, node) => {
    const stage = layout.stages[layout.stageOf[node] ?? -1];
    const runners = new Set(stage?.members.map(({ device }) => device) ?? [single]);
    for (const device of runners) nodes[device]?.push(node);
  });
  return nodes.map((own, device) => {
    if (own.length === 0) return 0;
    const held = regionsHeld(problem, layout, device, own);
    const steps = own.flatMap((node) => stepsOf(index, layout, device, node));
    return (
      (kinds[device]?.overheadBytes ?? 0) +
      bytesOfSteps(steps, (tensor) => bytesOf(index, tensor, held.get(tensor)))
    );
  });
}

/** Bytes of a region of a tensor; left out: of all of it. */
function bytesOf(index: GraphIndex, tensor: number, region: Region | undefined): number {
  const bytes = index.graph.tensors[tensor]?.bytes ?? 0;
  return region === undefined ? bytes : bytes * shareOfTensor(index, tensor, region);
}

/** A node that a device runs; tiles in turn are one step, where the last of their nodes stands. */
function stepsOf(
  index: GraphIndex,
  { stages, stageOf }: Layout,
  device: number,
  node: number,
): MemoryStep[] {
  const stage = stages[stageOf[node] ?? -1];
  if (stage === undefined || tilesOf(stage, device).length < 2) return [memoryStep(index, node)];
  return node === lastOf(stage) ? [stepInTurn(index, stage, device)] : [];
}

function stepInTurn(index: GraphIndex, stage: MemberStage, device: number): MemoryStep {
  const { nodes } = stage;
  const tiles = tilesOf(stage, device);
  const parameters = nodes.reduce(
    (sum, node) => sum + (index.graph.nodes[node]?.parameterBytes ?? 0),
    0,
  );
  const made = new Set(nodes.flatMap((node) => index.nodeOutputs[node] ?? []));
  const read = new Set(nodes.flatMap((node) => index.nodeInputs[node] ?? []));
  const peaks = tiles.map(
    ({ tile }) =>
      memoryBytes(index, nodes, 0, (tensor) => bytesOf(index, tensor, tile.tensors.get(tensor))) -
      parameters,
  );
  return {
    tensors: [...[...read].filter((tensor) => !made.has(tensor)), ...leavingTensors(index, nodes)],
    parameterBytes: tiles.length * parameters,
    innerBytes: Math.max(...peaks),
  };
}

function tilesOf({ members }: MemberStage, device: number): MemberStage["members"] {
  return members.filter((member) => member.device === device);
}

/** Of tensors that a device reads or makes as a member; all of it where it also does alone. */
function regionsHeld(
  { index }: Problem,
  { stages, stageOf }: Layout,
  device: number,
  nodes: readonly number[],
): Map<number, Region> {
  const held = new Map<number, Region>();
  const add = (tensor: number, region: Region): void => {
    const known = held.get(tensor);
    held.set(tensor, known === undefined ? region : spanRegion(region, known));
  };
  const tiles = stages.flatMap(({ members }) =>
    members.filter((member) => member.device === device),
  );
  if (tiles.length === 0) return held;
  for (const { tile } of tiles) for (const [tensor, region] of tile.tensors) add(tensor, region);
  for (const node of nodes) {
    if (stageOf[node] !== null) continue;
    for (const tensor of [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])]) {
      add(tensor, wholeRegion(index, tensor));
    }
  }
  return held;
}
