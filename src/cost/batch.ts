/**
 * What several requests cost that go through a graph as one, joined along an axis of its tensors.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { bytes, flop, seconds, secondsPerByte } from "../base/units.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { BatchCost, DeviceProfile, Profile, ProfiledBatch } from "./profile.ts";
import type { Topology } from "./topology.ts";

/** Numbers of requests that were measured for all of some kinds of device, ascending; 1 is always there. */
export function measuredBatches(profile: Profile, kinds: readonly string[]): number[] {
  const sizes = kinds.map((kind) => new Set(sizesOf(profile.devices[kind])));
  const [first = new Set<number>(), ...others] = sizes;
  if (profile.batch === undefined) return [1];
  return [...first]
    .filter((size) => others.every((other) => other.has(size)))
    .sort((a, b) => a - b);
}

function sizesOf(kind: DeviceProfile | undefined): number[] {
  return [1, ...(kind?.batches ?? []).map(({ requests }) => requests)];
}

/**
 * The profile of so many requests as one: what a tensor has of each request it has as often, and nodes
 * take what was measured, between two measured numbers what lies on the line between them.
 *
 * O(nodes · devices + tensors) time.
 *
 * @param requests at least 1; with 1 it is the profile itself
 * @throws PROFILE_INVALID if so many were not measured on each kind of device
 */
export function profileOfBatch(profile: Profile, requests: number): Profile {
  if (requests === 1) return profile;
  const { batch, ...single } = profile;
  if (batch === undefined) throw notMeasured("the profile", requests, [1]);
  const devices = Object.entries(profile.devices).map(([name, device]) => {
    const { batches = [], ...own } = device;
    return [name, { ...own, ...costOf(own, batches, name, requests) }] as const;
  });
  return {
    ...single,
    graph: graphOfBatch(profile.graph, batch, requests),
    devices: Object.fromEntries(devices),
  };
}

/** The topology for so many requests as one: inputs that are lighter on their way come as often. */
export function topologyOfBatch(topology: Topology, requests: number): Topology {
  const inputs = Object.entries(topology.inputBytes).map(
    ([name, size]) => [name, bytes(size * requests)] as const,
  );
  return { ...topology, inputBytes: Object.fromEntries(inputs) };
}

function graphOfBatch(graph: Graph, batch: ProfiledBatch, requests: number): Graph {
  const axes = new Map(graph.tensors.map(({ name }, tensor) => [name, batch.axes[tensor] ?? null]));
  const tensors = graph.tensors.map((tensor): Tensor => {
    const axis = axes.get(tensor.name) ?? null;
    if (axis === null) return tensor;
    const shape = tensor.shape.map((size, at) => (at === axis ? size * requests : size));
    return { ...tensor, shape, bytes: bytes(tensor.bytes * requests) };
  });
  const nodes = graph.nodes.map((node) => {
    const grows = node.outputs.some((name) => (axes.get(name) ?? null) !== null);
    if (!grows || node.flop === null) return node;
    return { ...node, flop: flop(node.flop * requests) };
  });
  return { ...graph, tensors, nodes };
}

function costOf(
  single: DeviceProfile,
  batches: readonly BatchCost[],
  name: string,
  requests: number,
): Omit<BatchCost, "requests"> {
  const measured: readonly BatchCost[] = [{ ...single, requests: 1 }, ...batches];
  const above = measured.find((cost) => cost.requests >= requests);
  const below = measured.findLast((cost) => cost.requests <= requests);
  if (above === undefined || below === undefined) {
    throw notMeasured(
      `device '${name}'`,
      requests,
      measured.map((cost) => cost.requests),
    );
  }
  const span = above.requests - below.requests;
  const share = span === 0 ? 0 : (requests - below.requests) / span;
  const between = (one: number, other: number): number => one + share * (other - one);
  return {
    nodeSeconds: below.nodeSeconds.map((value, node) => {
      const other = above.nodeSeconds[node] ?? null;
      return value === null || other === null ? null : seconds(between(value, other));
    }),
    overheadSeconds: seconds(between(below.overheadSeconds, above.overheadSeconds)),
    boundarySecondsPerByte: secondsPerByte(
      between(below.boundarySecondsPerByte, above.boundarySecondsPerByte),
    ),
    overheadBytes: bytes(Math.max(below.overheadBytes, above.overheadBytes)),
  };
}

function notMeasured(what: string, requests: number, sizes: readonly number[]): CodedError {
  const message = `${what} was measured with ${sizes.join(", ")} requests at once, not with ${requests}; profile the model again with --batch 1,2,4,8`;
  return new CodedError("PROFILE_INVALID", message, { requests, measured: sizes });
}
