import fc from "fast-check";
import { expect, test } from "vitest";
import { articulationNodes } from "./articulation.ts";
import { type Graph, type GraphIndex, indexGraph } from "./graph.ts";

/** Node i makes tensor `t<i>`; negative numbers are graph inputs. */
function indexOf(reads: readonly (readonly number[])[], outputs: readonly number[]): GraphIndex {
  const nameOf = (node: number): string => (node < 0 ? `in${-node}` : `t${node}`);
  const inputs = [...new Set(reads.flat().filter((node) => node < 0))].map(nameOf);
  const made = reads.map((_, node) => nameOf(node));
  return indexGraph({
    name: "small",
    inputs,
    outputs: outputs.map(nameOf),
    tensors: [...inputs, ...made].map((name) => ({ name, dataType: "uint8", shape: [], bytes: 1 })),
    nodes: reads.map((from, node) => ({
      name: `n${node}`,
      operator: "Op",
      inputs: from.map(nameOf),
      outputs: [nameOf(node)],
      flop: null,
      parameterBytes: 0,
    })),
  } as unknown as Graph);
}

test("every node of a chain is one", () => {
  expect(articulationNodes(indexOf([[-1], [0], [1]], [2]))).toEqual([0, 1, 2]);
});

test("branches are none, the nodes where they part and meet are", () => {
  expect(articulationNodes(indexOf([[-1], [0], [0], [1, 2], [3]], [4]))).toEqual([0, 3, 4]);
});

test("a tensor that jumps over a node takes it out", () => {
  expect(articulationNodes(indexOf([[-1], [0], [1, 0]], [2]))).toEqual([0, 2]);
});

test("an input that is read late takes out what stands before", () => {
  expect(articulationNodes(indexOf([[-1], [0], [1, -2], [2]], [3]))).toEqual([2, 3]);
});

test("an output in the middle takes out what stands behind", () => {
  expect(articulationNodes(indexOf([[-1], [0], [1]], [1, 2]))).toEqual([0, 1]);
});

test("a node that nothing reads ends a path", () => {
  expect(articulationNodes(indexOf([[-1], [0], [0], [2]], [3]))).toEqual([0]);
});

test("an input that is the answer changes nothing", () => {
  expect(articulationNodes(indexOf([[-1], [0]], [1, -1]))).toEqual([0, 1]);
});

test("they are what every path from an input to an output passes", () => {
  const graphs = fc
    .array(fc.array(fc.integer({ min: -2, max: 6 }), { maxLength: 3 }), {
      minLength: 1,
      maxLength: 7,
    })
    .map((reads) => reads.map((from, node) => from.map((other) => Math.min(other, node - 1))));
  fc.assert(
    fc.property(graphs, fc.array(fc.nat(6), { minLength: 1 }), (reads, chosen) => {
      const outputs = [...new Set(chosen.map((node) => node % reads.length))];
      const index = indexOf(reads, outputs);
      const passed = reads.map((_, node) => !hasPathWithout(index, node));
      expect(articulationNodes(index)).toEqual(
        passed.flatMap((isPassed, node) => (isPassed ? [node] : [])),
      );
    }),
  );
});

function hasPathWithout(index: GraphIndex, without: number): boolean {
  const reached = index.predecessors.map(() => false);
  return index.predecessors.some((before, node) => {
    const reads = index.nodeInputs[node] ?? [];
    const isFirst = before.length === 0 || reads.some((tensor) => index.inputs.includes(tensor));
    reached[node] =
      node !== without && (isFirst || before.some((other) => reached[other] === true));
    const makes = index.nodeOutputs[node] ?? [];
    const isLast =
      index.successors[node]?.length === 0 ||
      makes.some((tensor) => index.outputs.includes(tensor));
    return reached[node] === true && isLast;
  });
}
