import type { State } from "../cost/state.ts";
import { additiveFactors } from "./objective.ts";
import type { Placement, Problem } from "./problem.ts";
import { findHops } from "./transfers.ts";

/**
 * What a placement costs in every state of the world, its routes and codecs given: constant + Σ over
 * links perLink ÷ bandwidth + Σ over devices perDevice · slow-down.
 */
export interface CostLine {
  readonly constant: number;
  /** The objective's unit times bits per second. */
  readonly perLink: readonly number[];
  /** The objective's unit. */
  readonly perDevice: readonly number[];
}

/**
 * The cost of a placement as a linear function of 1/bandwidth and slow-down, for an additive
 * objective. The problem's own topology is the state of slow-down 1.
 *
 * O(nodes + hops) time.
 *
 * @returns `null` for throughput, or if a tensor has no route
 */
export function costLine(problem: Problem, placement: Placement): CostLine | null {
  const factors = additiveFactors(problem.objective);
  const hops = findHops(problem, placement);
  if (factors === null || "to" in hops) return null;
  const { devices, topology } = problem;
  const idleWatts = devices.reduce((sum, device) => sum + device.idleWatts, 0);
  const perSecond = factors.latency + factors.energy * idleWatts;
  const rates = devices.map(
    (device) => perSecond + factors.energy * (device.busyWatts - device.idleWatts),
  );
  const perDevice = devices.map(() => 0);
  const perLink = topology.links.map(() => 0);
  const work = (device: number, seconds: number): void => {
    perDevice[device] = (perDevice[device] as number) + (rates[device] as number) * seconds;
  };
  placement.forEach((device, node) => {
    work(device, problem.seconds.get(device, node));
  });
  let constant = 0;
  for (const { tensor, link } of hops) {
    const { from, to } = problem.hops.links[link] as { from: number; to: number };
    const bits = 8 * problem.hops.bytes(link, tensor);
    work(from, problem.hops.sendSeconds(link, tensor));
    work(to, problem.hops.receiveSeconds(link, tensor));
    perLink[link] = (perLink[link] as number) + perSecond * bits;
    constant +=
      perSecond * problem.hops.rates.latencySeconds(link) +
      factors.energy * (topology.links[link]?.energyJoulesPerBit ?? 0) * bits;
  }
  return { constant, perLink, perDevice };
}

/** What a line costs in a state. */
export function costAt({ constant, perLink, perDevice }: CostLine, state: State): number {
  let cost = constant;
  perLink.forEach((factor, link) => {
    if (factor > 0) cost += factor / (state.bandwidthBitsPerSecond[link] as number);
  });
  perDevice.forEach((factor, device) => {
    cost += factor * (state.slowDown[device] as number);
  });
  return cost;
}
