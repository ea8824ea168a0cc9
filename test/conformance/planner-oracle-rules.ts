/**
 * Which placements are allowed, a second time: privacy, colocation, and pipelines without a way back.
 *
 * @module
 */
import type { Objective } from "../../src/plan/objective.ts";
import type { Question } from "./planner-oracle.ts";

export interface Rules {
  /** Nodes that must be on the source. */
  readonly local: readonly number[];
  /** Nodes that must be on one device, in pairs. */
  readonly together: readonly (readonly [number, number])[];
  /** Whether something private is delivered: then nothing is allowed. */
  readonly leaks: boolean;
}

interface RuledModel extends Rules {
  readonly source: number;
  readonly deviceCount: number;
  readonly tensors: readonly {
    /** -1: a graph input. */
    readonly producer: number;
    readonly consumers: readonly number[];
  }[];
}

export function rulesOf(
  { topology, limits }: Question,
  nodes: readonly {
    readonly position: number;
    readonly inputs: readonly string[];
    readonly colocation?: string;
  }[],
  tensors: readonly {
    readonly name: string;
    readonly producer: number;
    readonly isOutput: boolean;
  }[],
): Rules {
  const { keepLocal } = limits;
  const kept = new Set<number>();
  const keep = (node: number): void => {
    if (node < 0) return;
    kept.add(node);
    for (const name of nodes[node]?.inputs ?? []) {
      keep(tensors.find((tensor) => tensor.name === name)?.producer ?? -1);
    }
  };
  if (typeof keepLocal === "number") {
    for (let node = 0; node < Math.min(keepLocal, nodes.length); node++) kept.add(node);
  } else if (keepLocal !== undefined) {
    keep(tensors.find(({ name }) => name === keepLocal)?.producer ?? -1);
  }
  const secret = new Set([...kept].flatMap((node) => nodes[node]?.inputs ?? []));
  const readers = nodes.filter(({ inputs }) => inputs.some((name) => secret.has(name)));
  const { source, sink } = topology;
  const isDelivered = sink !== "anywhere" && sink !== source;
  return {
    local: [...new Set([...kept, ...readers.map(({ position }) => position)])],
    together: nodes.flatMap(({ position, colocation }) =>
      nodes
        .filter((other) => colocation !== undefined && other.colocation === colocation)
        .map((other) => [position, other.position] as const),
    ),
    leaks: isDelivered && tensors.some(({ name, isOutput }) => isOutput && secret.has(name)),
  };
}

export function isAllowed(
  objective: Objective,
  model: RuledModel,
  placement: readonly number[],
): boolean {
  const { local, together, leaks, source } = model;
  if (leaks || local.some((node) => placement[node] !== source)) return false;
  if (together.some(([one, other]) => placement[one] !== placement[other])) return false;
  return objective.type !== "throughput" || !hasCycle(model, placement);
}

/** Whether some device can be left along arrows and come back to. */
function hasCycle(model: RuledModel, placement: readonly number[]): boolean {
  const reach = new Array<number>(model.deviceCount).fill(0);
  for (const { producer, consumers } of model.tensors) {
    if (producer < 0) continue;
    const from = placement[producer] as number;
    for (const consumer of consumers) {
      const to = placement[consumer] as number;
      if (to !== from) (reach[from] as number) |= 1 << to;
    }
  }
  for (let middle = 0; middle < model.deviceCount; middle++) {
    for (let from = 0; from < model.deviceCount; from++) {
      if ((((reach[from] as number) >> middle) & 1) === 1) {
        (reach[from] as number) |= reach[middle] as number;
      }
    }
  }
  return reach.some((set, device) => ((set >> device) & 1) === 1);
}
