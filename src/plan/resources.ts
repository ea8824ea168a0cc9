import { type AdditiveCosts, additiveCosts } from "./additive.ts";
import type { Problem } from "./problem.ts";

/** Something that nodes and hops use up and that may not pass a capacity. */
export interface Resource extends AdditiveCosts {
  readonly capacity: number;
  /** The device whose memory it is; tensors take what the parameters leave. */
  readonly memoryOf?: number;
}

/**
 * The limits of a problem as sums over nodes and hops: latency, energy, the loads behind a period,
 * and the parameters that a device's memory must hold.
 *
 * Keeping them is necessary; for memory it is not sufficient, since tensors need room too.
 */
export function resourcesOf(problem: Problem): Resource[] {
  const { limits } = problem;
  const resources: Resource[] = [];
  for (const [type, capacity] of [
    ["latency", limits.latencySeconds],
    ["energy", limits.energyJoules],
  ] as const) {
    const costs = additiveCosts({ ...problem, objective: { type } });
    if (capacity !== undefined && costs !== null) resources.push({ ...costs, capacity });
  }
  if (limits.periodSeconds !== undefined) {
    resources.push(...loadsOf(problem, limits.periodSeconds));
  }
  return [...resources, ...parametersOf(problem)];
}

function parametersOf(problem: Problem): Resource[] {
  const { nodes } = problem.index.graph;
  return problem.devices.flatMap(({ memoryBytes }, device) => {
    if (memoryBytes === null) return [];
    return {
      // Where not even the overhead fits, nothing runs, and nothing is used.
      capacity: Math.max(0, memoryBytes - (problem.kinds[device]?.overheadBytes ?? 0)),
      node: (on: number, node: number) => (on === device ? (nodes[node]?.parameterBytes ?? 0) : 0),
      hop: () => 0,
      memoryOf: device,
    };
  });
}

/** The loads behind a period as sums: of each device in order, then of each link or medium. */
export function loadsOf(problem: Problem, capacity: number): Resource[] {
  const { devices, hops, seconds, topology } = problem;
  const ends = (link: number) => hops.links[link] as { from: number; to: number };
  const computing = devices.map(({ communication }, device): Resource => {
    const own = (tensor: number, link: number): number => {
      if (ends(link).from === device) return hops.sendSeconds(link, tensor);
      return ends(link).to === device ? hops.receiveSeconds(link, tensor) : 0;
    };
    const whole = (tensor: number, link: number): number => {
      if (ends(link).from !== device && ends(link).to !== device) return 0;
      return hops.hopSeconds(link, tensor);
    };
    return {
      capacity,
      node: (on, node) => (on === device ? seconds.get(device, node) : 0),
      hop: communication === "exclusive" ? whole : own,
    };
  });
  const wires = new Map<string, Set<number>>();
  topology.links.forEach(({ medium }, link) => {
    const wire = medium === undefined ? `link ${link}` : `medium ${medium}`;
    wires.set(wire, (wires.get(wire) ?? new Set()).add(link));
  });
  const sending = [...wires.values()].map(
    (links): Resource => ({
      capacity,
      node: () => 0,
      hop: (tensor, link) => (links.has(link) ? hops.wireSeconds(link, tensor) : 0),
    }),
  );
  return [...computing, ...sending];
}
