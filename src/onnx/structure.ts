/**
 * Who makes and who reads each tensor of a main graph, tensors captured by subgraphs included, and
 * what is constant.
 *
 * @module
 */
import type { GraphProto, NodeProto } from "onnx-buf";

export interface Structure {
  /** Tensors that each node reads, captured ones included, each once, in order of first use. */
  readonly reads: readonly (readonly string[])[];
  /** Tensors that each node makes; absent optional outputs are left out. */
  readonly makes: readonly (readonly string[])[];
  /** Position of the node that makes a tensor. */
  readonly producer: ReadonlyMap<string, number>;
  /** Tensors that depend on no graph input: initialisers and what is computed from them alone. */
  readonly constants: ReadonlySet<string>;
  /** Whether a node computes constants only. */
  readonly isConstant: readonly boolean[];
}

/** Nodes that make another value each time, although they read nothing that changes. */
const randomOperators: ReadonlySet<string> = new Set([
  "Bernoulli",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
]);

/** Finds the structure of a graph in topological order. O(nodes + uses). */
export function structureOf(graph: GraphProto): Structure {
  const reads = graph.node.map(readsOf);
  const makes = graph.node.map((node) => node.output.filter((name) => name !== ""));
  const producer = new Map(makes.flatMap((names, node) => names.map((name) => [name, node])));
  const constants = new Set(initialiserNames(graph));
  const isConstant = graph.node.map((node, position) => {
    const constant =
      !isRandom(node) && (reads[position] ?? []).every((name) => constants.has(name));
    if (constant) for (const name of makes[position] ?? []) constants.add(name);
    return constant;
  });
  return { reads, makes, producer, constants, isConstant };
}

/** Itself, or anything in its subgraphs. */
function isRandom(node: NodeProto): boolean {
  return (
    randomOperators.has(node.opType) || subgraphsOf(node).some((graph) => graph.node.some(isRandom))
  );
}

export function initialiserNames(graph: GraphProto): string[] {
  return [
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
  ];
}

/** Tensors of the enclosing graph that a node reads, each once. */
export function readsOf(node: NodeProto): string[] {
  const inputs = node.input.filter((name) => name !== "");
  const captured = subgraphsOf(node).flatMap((graph) => [...freeNames(graph)]);
  return [...new Set([...inputs, ...captured])];
}

/** The bodies of an If, Loop or Scan. */
export function subgraphsOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}

/** Names that a subgraph reads and does not define. ONNX IR spec, "Nested Subgraphs". */
function freeNames(graph: GraphProto): Set<string> {
  const defined = new Set([
    ...initialiserNames(graph),
    ...graph.input.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const used = [...graph.node.flatMap(readsOf), ...graph.output.map(({ name }) => name)];
  return new Set(used.filter((name) => name !== "" && !defined.has(name)));
}
