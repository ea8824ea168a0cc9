import type { ReferenceNode, ReferenceWorkload } from "../dist/compare/reference-workload.js";
import type { Graph } from "../dist/graph/graph.js";
import { indexGraph } from "../dist/graph/graph.js";
import { drawGraph } from "../dist/zoo/graph.js";
import type { ZooName } from "../dist/zoo/zoo.js";

/** Graphs on the same kind of star as the public workloads, in the place of those not at hand. */
export interface WorkloadGraph {
  readonly label: string;
  readonly graphs: readonly { readonly network: ZooName; readonly blocks?: number }[];
  readonly accelerators: number;
  /** Seconds on a processor ÷ seconds on an accelerator: 10 for layers, 23 for operators. */
  readonly slowDown: number;
  readonly linkBytesPerSecond: number;
}

const batch = 32;
/** An accelerator that does 10 TFLOP/s and moves 500 GB/s, 5 µs a node. */
const accelerator = { flopPerSecond: 10e12, bytesPerSecond: 500e9, secondsPerNode: 5e-6 };

export const workloadGraphs: readonly WorkloadGraph[] = [
  {
    label: "bert 6 blocks",
    graphs: [{ network: "bert", blocks: 6 }],
    accelerators: 3,
    slowDown: 23,
  },
  { label: "bert 12 blocks", graphs: [{ network: "bert" }], accelerators: 6, slowDown: 23 },
  {
    label: "bert 24 blocks",
    graphs: [{ network: "bert", blocks: 24 }],
    accelerators: 6,
    slowDown: 23,
  },
  { label: "resnet50", graphs: [{ network: "resnet50" }], accelerators: 6, slowDown: 10 },
  { label: "densenet121", graphs: [{ network: "densenet121" }], accelerators: 6, slowDown: 10 },
  { label: "googlenet", graphs: [{ network: "googlenet" }], accelerators: 6, slowDown: 10 },
  { label: "inceptionv4", graphs: [{ network: "inceptionv4" }], accelerators: 3, slowDown: 10 },
  { label: "inceptionv4", graphs: [{ network: "inceptionv4" }], accelerators: 6, slowDown: 10 },
  {
    label: "inceptionv4, slow links",
    graphs: [{ network: "inceptionv4" }],
    accelerators: 6,
    slowDown: 10,
  },
  {
    label: "googlenet + resnet50 side by side",
    graphs: [{ network: "googlenet" }, { network: "resnet50" }],
    accelerators: 6,
    slowDown: 10,
  },
  {
    label: "inceptionv4 + bert side by side",
    graphs: [{ network: "inceptionv4" }, { network: "bert" }],
    accelerators: 6,
    slowDown: 10,
  },
].map((one) => ({
  ...one,
  linkBytesPerSecond: one.label.includes("slow links") ? 25e9 : 200e9,
})) as readonly WorkloadGraph[];

/** Seconds by a roofline at batch 32; a tensor costs its bytes over the link at either end. */
export function workloadOf(one: WorkloadGraph): ReferenceWorkload {
  const nodes: ReferenceNode[] = [];
  const predecessors: number[][] = [];
  for (const { network, blocks } of one.graphs) {
    const graph = drawGraph(network, blocks === undefined ? {} : { blocks });
    const first = nodes.length;
    nodes.push(...nodesOf(graph, one));
    for (const before of indexGraph(graph).predecessors) {
      predecessors.push(before.map((node) => first + node));
    }
  }
  return {
    name: one.label,
    nodes,
    predecessors,
    accelerators: one.accelerators,
    processors: 1,
    acceleratorBytes: 16 * 2 ** 30,
  };
}

function nodesOf(graph: Graph, { slowDown, linkBytesPerSecond }: WorkloadGraph): ReferenceNode[] {
  const sizes = new Map(graph.tensors.map(({ name, bytes }) => [name, batch * bytes]));
  const sum = (names: readonly string[]): number =>
    names.reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
  return graph.nodes.map(({ name, inputs, outputs, flop, parameterBytes }) => {
    const moved = sum(inputs) + sum(outputs) + parameterBytes;
    const work = Math.max(
      (batch * (flop ?? 0)) / accelerator.flopPerSecond,
      moved / accelerator.bytesPerSecond,
    );
    const acceleratorSeconds = work + accelerator.secondsPerNode;
    return {
      name,
      acceleratorSeconds,
      processorSeconds: slowDown * acceleratorSeconds,
      bytes: parameterBytes + sum(outputs),
      transferSeconds: sum(outputs) / linkBytesPerSecond,
      group: null,
    };
  });
}
