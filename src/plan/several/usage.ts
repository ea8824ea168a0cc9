import { profileOfBatch, topologyOfBatch } from "../../cost/batch.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import { shareOfNode } from "../../graph/tile.ts";
import type { Region } from "../../graph/window.ts";
import { codecsOf, withCodecs } from "../codecs.ts";
import type { Plan, Transfer } from "../plan.ts";
import { createProblem, type Problem } from "../problem.ts";
import { forGraph } from "../reservation.ts";
import { worksOf } from "../stage-works.ts";

/** What one request asks of a topology, of a full pass its share; arrays are by position. */
export interface Usage {
  /** Computing, and own work at the boundary; of an exclusive device its hops as a whole. */
  readonly deviceSeconds: readonly number[];
  /** On the wire; of a link of a medium, what all of the medium carries. */
  readonly linkSeconds: readonly number[];
  readonly memoryBytes: readonly number[];
}

/**
 * What a plan asks of a topology at its full speed, whatever topology it was made for: it keeps its
 * routes and codecs. Devices and links of it that the topology lacks are passed over.
 * O(nodes + transfers + links) time beside that of a problem.
 *
 * @throws PLAN_INVALID if it was made from another graph or with other codecs; as `createProblem`
 */
export function usageOf(topology: Topology, profile: Profile, plan: Plan): Usage {
  const requests = plan.batch?.most ?? 1;
  const plain = createProblem(
    profileOfBatch(profile, requests),
    topologyOfBatch(forGraph(topology, profile.graph), requests),
    { type: "latency" },
  );
  const problem = withCodecs(plain, codecsOf(plain, plan));
  const positions = new Map(topology.devices.map(({ name }, position) => [name, position]));
  const deviceSeconds = topology.devices.map(() => 0);
  const add = (device: number | undefined, seconds: number): void => {
    if (device === undefined) return;
    deviceSeconds[device] = (deviceSeconds[device] ?? 0) + seconds / requests;
  };
  for (const { device: name, nodes, tile } of plan.stages.flatMap((s) => worksOf(plain.index, s))) {
    const device = positions.get(name);
    if (device === undefined) continue;
    for (const node of nodes) {
      const region = tile?.nodes.get(node) as Region;
      const share = tile === null ? 1 : shareOfNode(plain.index, node, region);
      add(device, plain.seconds.get(device, node) * share);
    }
  }
  const wires = new Map<number | string, number>();
  for (const { link, tensor, share } of hopsOf(problem, plan.transfers)) {
    const { from, to } = problem.hops.links[link] as { from: number; to: number };
    const whole = problem.hops.hopSeconds(link, tensor, share);
    const isExclusive = (device: number): boolean =>
      topology.devices[device]?.communication === "exclusive";
    add(from, isExclusive(from) ? whole : problem.hops.sendSeconds(link, tensor, share));
    add(to, isExclusive(to) ? whole : problem.hops.receiveSeconds(link, tensor, share));
    const wire = topology.links[link]?.medium ?? link;
    const seconds = problem.hops.wireSeconds(link, tensor, share);
    wires.set(wire, (wires.get(wire) ?? 0) + seconds / requests);
  }
  return {
    deviceSeconds,
    linkSeconds: topology.links.map(({ medium }, link) => wires.get(medium ?? link) ?? 0),
    memoryBytes: topology.devices.map(({ name }) => plan.claimed.memoryBytes[name] ?? 0),
  };
}

interface PlannedHop {
  readonly link: number;
  readonly tensor: number;
  readonly share: number;
}

function hopsOf({ hops, index, topology }: Problem, transfers: readonly Transfer[]): PlannedHop[] {
  const links = new Map(
    topology.links.map(({ from, to }, link) => [JSON.stringify([from, to]), link]),
  );
  return transfers.flatMap((transfer) => {
    const link = links.get(JSON.stringify([transfer.from, transfer.to]));
    const tensor = index.tensorByName.get(transfer.tensor);
    if (link === undefined || tensor === undefined) return [];
    const isWhole = transfer.rows === undefined && transfer.columns === undefined;
    return { link, tensor, share: isWhole ? 1 : transfer.bytes / hops.bytes(link, tensor) };
  });
}
