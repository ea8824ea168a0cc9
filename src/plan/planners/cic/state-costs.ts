import type { State } from "../../../cost/state.ts";
import { type CostTerms, costTerms, type HopTerms } from "../../cost-line.ts";
import type { Line } from "../../line.ts";
import type { Problem } from "../../problem.ts";
import type { BoundaryCosts } from "../exact-line.ts";

/**
 * What nodes and hops cost in any state, for cuts of two devices that are solved again and again;
 * the codecs are those of the stated one. O(nodes + tensors) time and memory, once.
 *
 * @param problem of an additive objective
 * @param line of its two devices, the source first
 */
export function createStateCosts(problem: Problem, line: Line): (state: State) => BoundaryCosts {
  const terms = costTerms(problem) as CostTerms;
  const nodes = problem.devices.map((_, device) =>
    Float64Array.from(problem.index.graph.nodes, (__, node) => terms.node(device, node)),
  );
  const tabulate = (link: number | null | undefined): readonly HopTerms[] | null =>
    typeof link === "number"
      ? problem.linkBytes.map((_, tensor) => terms.hop(problem.hops, tensor, link))
      : null;
  const [up, down] = [tabulate(line.up[0]), tabulate(line.down[0])];
  const [source, server] = line.devices as [number, number];
  return ({ bandwidthBitsPerSecond, slowDown }) => {
    const rateOf = (link: number | null | undefined) => bandwidthBitsPerSecond[link ?? -1] ?? 1;
    const rates = [rateOf(line.up[0]), rateOf(line.down[0])] as const;
    const [near, far] = [slowDown[source] as number, slowDown[server] as number];
    const cost = (hop: HopTerms | undefined, rate: number, from: number, to: number): number =>
      hop === undefined
        ? Number.POSITIVE_INFINITY
        : hop.constant + hop.perLink / rate + hop.sender * from + hop.receiver * to;
    return {
      devices: line.devices,
      node: (device, node) =>
        ((nodes[device] as Float64Array)[node] as number) * (device === source ? near : far),
      up: (tensor) => cost(up?.[tensor], rates[0], near, far),
      down: (tensor) => cost(down?.[tensor], rates[1], far, near),
    };
  };
}
