/**
 * The public throughput workloads of "Efficient algorithms for device placement of DNN graph
 * operators", and what a stage costs there: equal accelerators and processors around a memory that costs
 * nothing, transfers that do not overlap with compute, a processor's own transfers free.
 *
 * That is not the cost model of plans: no hub is loaded, no hop has a latency.
 *
 * @see Tarnawski, Phanishayee, Devanur, Mahajan and Nina Paravecino, NeurIPS 2020, and its public code
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../base/errors.ts";
import { parseDocument } from "../cost/document.ts";
import { contract } from "../graph/contract.ts";
import { successorsOf } from "../graph/ideals.ts";
import type { LoadTerm, StageModel } from "../plan/planners/stage-chain/model.ts";

/** A node; edges name nodes by position. */
export interface ReferenceNode {
  readonly name: string;
  readonly processorSeconds: number;
  /** `Infinity`: accelerators cannot run it. */
  readonly acceleratorSeconds: number;
  readonly bytes: number;
  /** What its tensor takes to the memory, and the same again to each device that reads it. */
  readonly transferSeconds: number;
  /** Nodes of one group share a device. */
  readonly group: string | null;
}

export interface ReferenceWorkload {
  readonly name: string;
  readonly nodes: readonly ReferenceNode[];
  /** Positions of the nodes that feed each node. */
  readonly predecessors: readonly (readonly number[])[];
  readonly accelerators: number;
  readonly processors: number;
  /** Σ bytes of the nodes of an accelerator at most. */
  readonly acceleratorBytes: number;
}

const amount = z.number().nonnegative();
const flag = z.union([z.boolean(), z.number()]).transform(Boolean);
const schema = z.object({
  maxSizePerFPGA: amount,
  maxFPGAs: z.int().nonnegative().max(200),
  maxCPUs: z.int().nonnegative().max(200),
  nodes: z.array(
    z.object({
      name: z.string().optional(),
      id: z.int(),
      supportedOnFpga: flag,
      cpuLatency: amount,
      fpgaLatency: amount,
      isBackwardNode: flag.optional(),
      colorClass: z.union([z.number(), z.string()]).nullish(),
      size: amount,
    }),
  ),
  edges: z.array(z.object({ sourceId: z.int(), destId: z.int(), cost: amount })),
});

/**
 * Reads a workload. Milliseconds become seconds.
 *
 * @throws PROFILE_INVALID if it breaks its schema, an edge names no node, a node's edges differ in
 * cost, or it is a training workload, where backward nodes do not come in a chain of stages
 */
export function readReferenceWorkload(text: string, file: string): ReferenceWorkload {
  const read = parseDocument(text, schema, file, "PROFILE_INVALID");
  const invalid = (message: string): CodedError =>
    new CodedError("PROFILE_INVALID", `${file}: ${message}`, { file });
  const positions = new Map(read.nodes.map(({ id }, position) => [id, position]));
  if (positions.size < read.nodes.length) throw invalid("two nodes have one id");
  if (read.maxFPGAs + read.maxCPUs === 0) throw invalid("there is no device");
  if (read.nodes.some(({ isBackwardNode }) => isBackwardNode === true)) {
    throw invalid("training workloads (isBackwardNode) are not supported, only inference");
  }
  const predecessors: number[][] = read.nodes.map(() => []);
  const costs: (number | undefined)[] = read.nodes.map(() => undefined);
  for (const { sourceId, destId, cost } of read.edges) {
    const [from, to] = [positions.get(sourceId), positions.get(destId)];
    if (from === undefined || to === undefined) {
      throw invalid(`edge ${sourceId} → ${destId} names a node that is not listed`);
    }
    if ((costs[from] ?? cost) !== cost) {
      throw invalid(
        `edges of node ${sourceId} cost ${costs[from]} ms and ${cost} ms, not the same`,
      );
    }
    costs[from] = cost;
    if (!predecessors[to]?.includes(from)) predecessors[to]?.push(from);
  }
  return {
    name: file.replace(/^.*\//, "").replace(/\.json$/, ""),
    nodes: read.nodes.map((node, position) => ({
      name: node.name ?? String(node.id),
      processorSeconds: node.cpuLatency / 1000,
      acceleratorSeconds: node.supportedOnFpga ? node.fpgaLatency / 1000 : Number.POSITIVE_INFINITY,
      bytes: node.size,
      transferSeconds: (costs[position] ?? 0) / 1000,
      group:
        node.colorClass === undefined || node.colorClass === null ? null : String(node.colorClass),
    })),
    predecessors,
    accelerators: read.maxFPGAs,
    processors: read.maxCPUs,
    acceleratorBytes: read.maxSizePerFPGA,
  };
}

/** A workload for the search over chains of stages, with the nodes of each of its units. */
export interface ReferenceModel extends StageModel {
  readonly units: readonly (readonly number[])[];
}

/**
 * Joins nodes that share a device and tabulates what a stage costs: on an accelerator its compute and
 * the transfer of each tensor that enters or leaves it, once; on a processor its compute alone.
 *
 * @param joined further sets of nodes to keep together
 */
export function referenceModel(
  workload: ReferenceWorkload,
  joined: readonly (readonly number[])[] = [],
): ReferenceModel {
  const { nodes, predecessors: feeding } = workload;
  const index = { predecessors: feeding, successors: successorsOf(feeding) };
  const { units, unitOf, predecessors } = contract(index, [...groupsOf(workload), ...joined]);
  const flows = nodes.flatMap(({ transferSeconds }, node) => {
    const producer = unitOf[node] as number;
    const readers = new Set((index.successors[node] ?? []).map((to) => unitOf[to] as number));
    readers.delete(producer);
    if (readers.size === 0) return [];
    return { producer, consumers: [...readers], isDelivered: false, seconds: transferSeconds };
  });
  const perUnit = (value: (node: ReferenceNode) => number): Float64Array =>
    Float64Array.from(units, (members) =>
      members.reduce((sum, node) => sum + value(nodes[node] as ReferenceNode), 0),
    );
  const transfers = Float64Array.from(flows, ({ seconds }) => seconds);
  const none = new Float64Array(flows.length);
  const term = (prices: Float64Array): readonly LoadTerm[] => [
    { isComputing: true, enter: prices, leave: prices },
  ];
  const place = { isSource: false, isSink: false };
  const classes = [
    {
      ...place,
      count: workload.accelerators,
      seconds: perUnit(({ acceleratorSeconds }) => acceleratorSeconds),
      terms: term(transfers),
      roomBytes: workload.acceleratorBytes,
    },
    {
      ...place,
      count: workload.processors,
      seconds: perUnit(({ processorSeconds }) => processorSeconds),
      terms: term(none),
      roomBytes: null,
    },
  ];
  return {
    units,
    predecessors,
    flows,
    classes: classes.filter(({ count }) => count > 0),
    unitBytes: perUnit(({ bytes }) => bytes),
    alive: null,
    constantSeconds: 0,
  };
}

function groupsOf({ nodes }: ReferenceWorkload): number[][] {
  const groups = new Map<string, number[]>();
  nodes.forEach(({ group }, node) => {
    if (group !== null) groups.set(group, [...(groups.get(group) ?? []), node]);
  });
  return [...groups.values()].filter((members) => members.length > 1);
}
