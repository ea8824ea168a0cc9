import { expect, test } from "vitest";
import { indexGraph } from "../graph/graph.ts";
import { drawGraph } from "../zoo/graph.ts";
import { deepenGraph } from "./deepen.ts";

test.each(["resnet18", "mobilenetv2", "inceptionv4"] as const)(
  "%s grows by its own blocks, and stays a graph of the same inputs and outputs",
  (name) => {
    const graph = drawGraph(name);
    const deep = deepenGraph(graph, 1000);
    const index = indexGraph(deep);
    expect(deep.nodes.length).toBeGreaterThanOrEqual(1000);
    expect(deep.nodes.length).toBeLessThan(1000 + graph.nodes.length);
    expect(deep.inputs).toEqual(graph.inputs);
    expect(index.outputs.map((tensor) => deep.tensors[tensor]?.shape)).toEqual(
      graph.outputs.map((output) => graph.tensors.find((t) => t.name === output)?.shape),
    );
    const unread = (of: typeof index) =>
      of.consumers.filter((nodes, tensor) => nodes.length === 0 && !of.outputs.includes(tensor));
    expect(unread(index)).toHaveLength(unread(indexGraph(graph)).length);
  },
);

test("a graph that is large enough, or has no block to repeat, stays as it is", () => {
  const graph = drawGraph("resnet18");
  expect(deepenGraph(graph, 69)).toBe(graph);
  const alexnet = drawGraph("alexnet");
  const first = { ...alexnet, nodes: alexnet.nodes.slice(0, 1) };
  const short = {
    ...first,
    outputs: first.nodes[0]?.outputs ?? [],
    tensors: first.tensors.slice(0, 2),
  };
  expect(deepenGraph(short, 50)).toBe(short);
});

test("a repeated block reads what the block before it made", () => {
  const graph = drawGraph("resnet18");
  const deep = indexGraph(deepenGraph(graph, 80));
  const depth: number[] = [];
  deep.predecessors.forEach((before, node) => {
    depth[node] = 1 + Math.max(0, ...before.map((other) => depth[other] as number));
  });
  const longest = Math.max(...depth);
  const shallow = indexGraph(graph);
  const before: number[] = [];
  shallow.predecessors.forEach((nodes, node) => {
    before[node] = 1 + Math.max(0, ...nodes.map((other) => before[other] as number));
  });
  expect(longest).toBeGreaterThan(Math.max(...before));
});
