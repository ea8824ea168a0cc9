import { type Graph, type GraphIndex, indexGraph, type Node, type Tensor } from "../graph/graph.ts";

/** Nodes between two waists that carry tensors of one shape, so that they can follow themselves. */
interface Segment {
  readonly first: number;
  readonly last: number;
  /** The tensor that enters, and the one that leaves. */
  readonly input: string;
  readonly output: string;
}

/**
 * The same network with more nodes: its own blocks repeated, as ResNet-152 is made from ResNet-50.
 *
 * What is repeated are the longest runs of nodes that turn one tensor into another of the same shape,
 * nothing else crossing; the repeats are spread over all of them. O(nodes + uses) time and memory.
 *
 * @param nodes wanted; the result has at least as many, and at most one run of nodes more
 * @returns the graph itself if it has enough, or has nothing to repeat
 */
export function deepenGraph(graph: Graph, nodes: number): Graph {
  const segments = findSegments(indexGraph(graph));
  if (segments.length === 0 || graph.nodes.length >= nodes) return graph;
  const repeats = segments.map(() => 0);
  let count = graph.nodes.length;
  for (let turn = 0; count < nodes; turn++) {
    const position = turn % segments.length;
    repeats[position] = (repeats[position] as number) + 1;
    count += lengthOf(segments[position] as Segment);
  }
  return unroll(graph, segments, repeats);
}

/** Waists of one shape that follow one another bound a run; a run holds a block, not only one node. */
function findSegments(index: GraphIndex): Segment[] {
  const { graph } = index;
  const waists = findWaists(index);
  const shapeOf = (tensor: number): string => JSON.stringify(graph.tensors[tensor]?.shape);
  const segments: Segment[] = [];
  for (let start = 0; start < waists.length; ) {
    const from = waists[start] as Waist;
    let end = start;
    while (
      end + 1 < waists.length &&
      shapeOf((waists[end + 1] as Waist).tensor) === shapeOf(from.tensor)
    ) {
      end++;
    }
    const to = waists[end] as Waist;
    const own = graph.nodes.slice(from.node + 1, to.node + 1);
    if (own.some(({ parameterBytes }) => parameterBytes > 0)) {
      segments.push({
        first: from.node + 1,
        last: to.node,
        input: graph.tensors[from.tensor]?.name ?? "",
        output: graph.tensors[to.tensor]?.name ?? "",
      });
    }
    start = end + 1;
  }
  return segments;
}

interface Waist {
  /** Behind this node no tensor crosses but this one. */
  readonly node: number;
  readonly tensor: number;
}

function findWaists({ graph, producer, consumers, outputs, nodeOutputs }: GraphIndex): Waist[] {
  const lastUse = consumers.map((nodes, tensor) =>
    outputs.includes(tensor) ? Number.POSITIVE_INFINITY : (nodes.at(-1) ?? -1),
  );
  const endings = graph.nodes.map((): number[] => []);
  const alive = new Set<number>();
  lastUse.forEach((node, tensor) => {
    endings[node]?.push(tensor);
    if (producer[tensor] === null && node >= 0) alive.add(tensor);
  });
  return graph.nodes.flatMap((_, node) => {
    for (const tensor of nodeOutputs[node] ?? []) {
      if ((lastUse[tensor] as number) > node) alive.add(tensor);
    }
    for (const tensor of endings[node] ?? []) alive.delete(tensor);
    const [tensor] = alive;
    return alive.size === 1 && tensor !== undefined ? [{ node, tensor }] : [];
  });
}

function unroll(graph: Graph, segments: readonly Segment[], repeats: readonly number[]): Graph {
  const tensors: Tensor[] = [...graph.tensors];
  const tensorByName = new Map(graph.tensors.map((tensor) => [tensor.name, tensor]));
  const nodes: Node[] = [];
  /** What a tensor is called behind the repeats of the run that made it. */
  const renamed = new Map<string, string>();
  const add = (node: Node, suffix: string, names: ReadonlyMap<string, string>): void => {
    const rename = (name: string): string => names.get(name) ?? renamed.get(name) ?? name;
    nodes.push({
      ...node,
      name: `${node.name}${suffix}`,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map((name) => names.get(name) ?? name),
    });
  };
  graph.nodes.forEach((node, position) => {
    add(node, "", new Map());
    const at = segments.findIndex(({ last }) => last === position);
    const segment = segments[at];
    if (segment === undefined) return;
    const own = graph.nodes.slice(segment.first, segment.last + 1);
    for (let repeat = 1; repeat <= (repeats[at] as number); repeat++) {
      const suffix = `#${repeat}`;
      const entering = renamed.get(segment.output) ?? segment.output;
      const names = new Map([[segment.input, entering]]);
      for (const name of own.flatMap(({ outputs }) => outputs)) {
        names.set(name, `${name}${suffix}`);
        tensors.push({ ...(tensorByName.get(name) as Tensor), name: `${name}${suffix}` });
      }
      for (const other of own) add(other, suffix, names);
      renamed.set(segment.output, `${segment.output}${suffix}`);
    }
  });
  const outputs = graph.outputs.map((name) => renamed.get(name) ?? name);
  return { ...graph, outputs, tensors, nodes };
}

function lengthOf({ first, last }: Segment): number {
  return last - first + 1;
}
