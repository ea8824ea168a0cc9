import type { Hops } from "../cost/hops.ts";
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

/** What one tensor over one link adds to a line. */
export interface HopTerms {
  readonly constant: number;
  /** Of 1 ÷ bandwidth. */
  readonly perLink: number;
  /** Of the sender's slow-down. */
  readonly sender: number;
  /** Of the receiver's slow-down. */
  readonly receiver: number;
}

/** What single nodes and hops add to a line. */
export interface CostTerms {
  /** Of the device's slow-down; `Infinity` where the device cannot run the node. */
  node(device: number, node: number): number;
  /** @param hops with the codecs that are used */
  hop(hops: Hops, tensor: number, link: number): HopTerms;
}

/**
 * The terms of an additive objective, of which lines are sums; `null` for throughput. The problem's
 * own topology is the state of slow-down 1.
 */
export function costTerms(problem: Problem): CostTerms | null {
  const factors = additiveFactors(problem.objective);
  if (factors === null) return null;
  const { devices, topology } = problem;
  const idleWatts = devices.reduce((sum, device) => sum + device.idleWatts, 0);
  const perSecond = factors.latency + factors.energy * idleWatts;
  const rates = devices.map(
    (device) => perSecond + factors.energy * (device.busyWatts - device.idleWatts),
  );
  return {
    node: (device, node) => {
      const seconds = problem.seconds.get(device, node);
      // A rate of zero would make nothing of the infinite seconds of a device that is unable.
      return seconds === Number.POSITIVE_INFINITY ? seconds : (rates[device] as number) * seconds;
    },
    hop: (hops, tensor, link) => {
      const { from, to } = hops.links[link] as { from: number; to: number };
      const bits = 8 * hops.bytes(link, tensor);
      const joules = (topology.links[link]?.energyJoulesPerBit ?? 0) * bits;
      return {
        constant: perSecond * hops.rates.latencySeconds(link) + factors.energy * joules,
        perLink: perSecond * bits,
        sender: (rates[from] as number) * hops.sendSeconds(link, tensor),
        receiver: (rates[to] as number) * hops.receiveSeconds(link, tensor),
      };
    },
  };
}

/**
 * The cost of a placement as a linear function of 1/bandwidth and slow-down, for an additive
 * objective.
 *
 * O(nodes + hops) time.
 *
 * @returns `null` for throughput, or if a tensor has no route
 */
export function costLine(problem: Problem, placement: Placement): CostLine | null {
  const terms = costTerms(problem);
  const hops = findHops(problem, placement);
  if (terms === null || "to" in hops) return null;
  const perDevice = problem.devices.map(() => 0);
  const perLink = problem.topology.links.map(() => 0);
  let constant = 0;
  placement.forEach((device, node) => {
    perDevice[device] = (perDevice[device] as number) + terms.node(device, node);
  });
  for (const { tensor, link } of hops) {
    const { from, to } = problem.hops.links[link] as { from: number; to: number };
    const added = terms.hop(problem.hops, tensor, link);
    perDevice[from] = (perDevice[from] as number) + added.sender;
    perDevice[to] = (perDevice[to] as number) + added.receiver;
    perLink[link] = (perLink[link] as number) + added.perLink;
    constant += added.constant;
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
