import type { Region } from "../graph/window.ts";
import type { Placement, Problem } from "./problem.ts";

/** One tensor over one link. */
export interface Hop {
  readonly tensor: number;
  readonly link: number;
  /** What travels; left out: all. */
  readonly region?: Region;
  /** Beside `region`: its positions ÷ all positions of the tensor. */
  readonly share?: number;
}

/** A tensor that has no way to a device that needs it. */
export interface NoRoute {
  readonly tensor: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The hops that a placement causes, in the order of the tensors: for each tensor the union of the
 * links of the routes from its home to the devices that need it, each link once.
 * O(uses of tensors · hops of a route) time.
 */
export function findHops(problem: Problem, placement: Placement): readonly Hop[] | NoRoute {
  const hops: Hop[] = [];
  for (let tensor = 0; tensor < problem.linkBytes.length; tensor++) {
    const destinations = destinationsOf(problem, placement, tensor);
    if (destinations.length === 0) continue;
    const from = homeOf(problem, placement, tensor);
    const links = new Set<number>();
    for (const to of destinations) {
      const route = problem.hops.route(from, to, tensor);
      if (route === null) return { tensor, from, to };
      for (const link of route) links.add(link);
    }
    for (const link of links) hops.push({ tensor, link });
  }
  return hops;
}

/** The device where a tensor is made; for a graph input the source. */
export function homeOf(problem: Problem, placement: Placement, tensor: number): number {
  const producer = problem.index.producer[tensor] ?? null;
  return producer === null ? problem.source : (placement[producer] as number);
}

/** The devices, ascending, that need a tensor and are not its home. */
export function destinationsOf(problem: Problem, placement: Placement, tensor: number): number[] {
  const home = homeOf(problem, placement, tensor);
  const devices: number[] = [];
  const add = (device: number): void => {
    if (device !== home && !devices.includes(device)) devices.push(device);
  };
  for (const node of problem.index.consumers[tensor] ?? []) add(placement[node] as number);
  if (problem.sink !== null && problem.index.outputs.includes(tensor)) add(problem.sink);
  return devices.sort((a, b) => a - b);
}
