import { additiveFactors } from "./objective.ts";
import type { Problem } from "./problem.ts";

/** An objective that is a sum over nodes and hops: latency, energy, or a weighted sum of both. */
export interface AdditiveCosts {
  /** `Infinity` where the device cannot run the node or privacy forbids it. */
  node(device: number, node: number): number;
  /** `Infinity` where privacy forbids the tensor to leave the source. */
  hop(tensor: number, link: number): number;
}

/**
 * Tabulates an additive objective; `null` for throughput.
 *
 * Energy over the whole inference is Σ (busy − idle)·t + (Σ idle)·latency, so that it too is a sum:
 * each second of latency costs what all devices draw while idle.
 */
export function additiveCosts(problem: Problem): AdditiveCosts | null {
  const factors = additiveFactors(problem.objective);
  if (factors === null) return null;
  const { devices, hops, topology } = problem;
  const idleWatts = devices.reduce((sum, device) => sum + device.idleWatts, 0);
  const perSecond = factors.latency + factors.energy * idleWatts;
  const extra = devices.map(
    ({ busyWatts, idleWatts: idle }) => factors.energy * (busyWatts - idle),
  );
  const extraOf = (device: number): number => extra[device] as number;
  return {
    node: (device, node) => {
      const seconds = problem.seconds.get(device, node);
      const barred = device !== problem.source && problem.pinned.has(node);
      // A weight of zero would make nothing of the infinite seconds of a device that is unable.
      if (barred || seconds === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
      return seconds * (perSecond + extraOf(device));
    },
    hop: (tensor, link) => {
      if (problem.private.has(tensor)) return Number.POSITIVE_INFINITY;
      const { from, to } = hops.links[link] as { from: number; to: number };
      return (
        perSecond * hops.hopSeconds(link, tensor) +
        extraOf(from) * hops.sendSeconds(link, tensor) +
        extraOf(to) * hops.receiveSeconds(link, tensor) +
        factors.energy *
          (topology.links[link]?.energyJoulesPerBit ?? 0) *
          8 *
          hops.bytes(link, tensor)
      );
    },
  };
}
