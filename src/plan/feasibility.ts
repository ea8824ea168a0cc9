/**
 * Whether a placement is allowed at all. "No" is an answer with a reason and a witness.
 *
 * @module
 */
import { formatQuantity } from "../base/units.ts";
import { memoryBytes } from "../cost/memory.ts";
import type { Placement, Problem } from "./problem.ts";
import { isPipeline } from "./stages.ts";
import type { TileStage } from "./tiles.ts";

/** The names and figures that show why something is not allowed. */
export type Witness = Readonly<Record<string, string | number>>;

export interface Infeasible {
  readonly type: "infeasible";
  /** A sentence with the thing, what was observed and the limit, with units. */
  readonly reason: string;
  readonly witness: Witness;
  /** `false`: nothing was found, which is no proof that there is nothing. */
  readonly isProven?: boolean;
}

export function infeasible(reason: string, witness: Witness = {}): Infeasible {
  return { type: "infeasible", reason, witness };
}

/** The first rule that a placement breaks, memory apart; `null` if it keeps them all. */
export function findViolation(problem: Problem, placement: Placement): Infeasible | null {
  return (
    findMisplaced(problem, placement) ??
    (problem.objective.type === "throughput" ? findCycle(problem, placement) : null)
  );
}

/** The first node that may not be where it is; `null` if all may. */
export function findMisplaced(problem: Problem, placement: Placement): Infeasible | null {
  return (
    findUnableDevice(problem, placement) ??
    findLeak(problem, placement) ??
    findSeparated(problem, placement)
  );
}

/** The device that a placement asks too much memory of, by how much; `null` if all fit. */
export function findOverfull(problem: Problem, needed: readonly number[]): Infeasible | null {
  const device = needed.findIndex(
    (bytes, position) =>
      bytes > (problem.devices[position]?.memoryBytes ?? Number.POSITIVE_INFINITY),
  );
  if (device < 0) return null;
  const name = deviceName(problem, device);
  const needs = needed[device] as number;
  const has = problem.devices[device]?.memoryBytes as number;
  return infeasible(
    `device '${name}' would need ${formatQuantity(needs, "B", 4)}, ${formatQuantity(needs - has, "B")} more than its memory of ${formatQuantity(has, "B", 4)}`,
    { device: name, neededBytes: needs, memoryBytes: has },
  );
}

/** Bytes that each device of the topology needs. */
export function memoryOf(problem: Problem, placement: Placement): number[] {
  const nodes: number[][] = problem.devices.map(() => []);
  placement.forEach((device, node) => {
    nodes[device]?.push(node);
  });
  return nodes.map((own, device) =>
    memoryBytes(problem.index, own, problem.kinds[device]?.overheadBytes ?? 0),
  );
}

function findUnableDevice(problem: Problem, placement: Placement): Infeasible | null {
  const node = placement.findIndex(
    (device, position) => problem.seconds.get(device, position) === Number.POSITIVE_INFINITY,
  );
  if (node < 0) return null;
  const device = deviceName(problem, placement[node] as number);
  const name = nodeName(problem, node);
  return infeasible(
    `device '${device}' cannot run node '${name}' (${problem.index.graph.nodes[node]?.operator})`,
    {
      device,
      node: name,
    },
  );
}

function findLeak(problem: Problem, placement: Placement): Infeasible | null {
  const source = deviceName(problem, problem.source);
  for (const node of problem.pinned) {
    if (placement[node] === problem.source) continue;
    const device = deviceName(problem, placement[node] as number);
    const tensor = (problem.index.nodeInputs[node] ?? []).find((read) => problem.private.has(read));
    const name = nodeName(problem, node);
    const leaked = tensor === undefined ? {} : { tensor: tensorName(problem, tensor) };
    return infeasible(
      `node '${name}' must stay on '${source}', not on '${device}'${tensor === undefined ? "" : `: it reads the private tensor '${tensorName(problem, tensor)}'`}`,
      { node: name, device, ...leaked },
    );
  }
  if (problem.sink === null || problem.sink === problem.source) return null;
  const output = problem.index.outputs.find((tensor) => problem.private.has(tensor));
  if (output === undefined) return null;
  const sink = deviceName(problem, problem.sink);
  return infeasible(
    `the private tensor '${tensorName(problem, output)}' is an answer, and the sink '${sink}' is not the source '${source}'`,
    { tensor: tensorName(problem, output), device: sink },
  );
}

function findSeparated(problem: Problem, placement: Placement): Infeasible | null {
  for (const [first, ...others] of problem.groups) {
    const stray = others.find((node) => placement[node] !== placement[first as number]);
    if (stray === undefined) continue;
    const names = { node: nodeName(problem, first as number), other: nodeName(problem, stray) };
    return infeasible(`nodes '${names.node}' and '${names.other}' must share a device`, names);
  }
  return null;
}

/** @param tiles the stages that several devices run together */
export function findCycle(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[] = [],
): Infeasible | null {
  if (isPipeline(problem.index, placement, tiles)) return null;
  return infeasible(
    "the devices do not form a pipeline: tensors flow back to a device that they came from",
  );
}

function deviceName(problem: Problem, device: number): string {
  return problem.devices[device]?.name ?? "";
}

function nodeName(problem: Problem, node: number): string {
  return problem.index.graph.nodes[node]?.name ?? "";
}

function tensorName(problem: Problem, tensor: number): string {
  return problem.index.graph.tensors[tensor]?.name ?? "";
}
