import { createRandom } from "../../src/base/random.ts";
import type { Question } from "./planner-oracle.ts";

/**
 * The same question with its nodes and tensors renamed and, where the cost model allows, its nodes
 * in another topological order: memory and a number of private nodes depend on the order.
 */
export function disguise(question: Question, seed: number): Question {
  const { profile, topology, limits } = question;
  const { graph } = profile;
  const random = createRandom(seed);
  const ordered =
    typeof limits.keepLocal === "number" ||
    topology.devices.some(({ memoryBytes }) => memoryBytes !== null);
  const count = graph.nodes.length;
  const order = ordered ? graph.nodes.map((_, node) => node) : randomOrder(question, random);
  const numbers = random.shuffle(graph.tensors.map((_, tensor) => tensor));
  const tensorNames = new Map(
    graph.tensors.map(({ name }, tensor) => [name, `x${numbers[tensor]}`]),
  );
  const rename = (names: readonly string[]) => names.map((name) => tensorNames.get(name) ?? name);
  const picked = order.map((node) => graph.nodes[node] as (typeof graph.nodes)[number]);
  return {
    ...question,
    profile: {
      ...profile,
      graph: {
        ...graph,
        inputs: rename(graph.inputs),
        outputs: rename(graph.outputs),
        tensors: graph.tensors.map((tensor) => ({
          ...tensor,
          name: tensorNames.get(tensor.name) ?? "",
        })),
        nodes: picked.map((node, position) => ({
          ...node,
          name: `m${count - position}`,
          inputs: rename(node.inputs),
          outputs: rename(node.outputs),
        })),
      },
      devices: Object.fromEntries(
        Object.entries(profile.devices).map(([name, kind]) => [
          name,
          { ...kind, nodeSeconds: order.map((node) => kind.nodeSeconds[node] ?? null) },
        ]),
      ),
    },
    topology: {
      ...topology,
      inputBytes: Object.fromEntries(
        Object.entries(topology.inputBytes).map(([name, bytes]) => [tensorNames.get(name), bytes]),
      ),
    },
    limits:
      typeof limits.keepLocal === "string"
        ? { ...limits, keepLocal: tensorNames.get(limits.keepLocal) ?? "" }
        : limits,
  };
}

function randomOrder(
  { profile: { graph } }: Question,
  random: ReturnType<typeof createRandom>,
): number[] {
  const made = new Set(graph.inputs);
  const order: number[] = [];
  while (order.length < graph.nodes.length) {
    const ready = graph.nodes.flatMap(({ inputs }, node) =>
      !order.includes(node) && inputs.every((name) => made.has(name)) ? [node] : [],
    );
    const next = random.pick(ready);
    order.push(next);
    for (const name of graph.nodes[next]?.outputs ?? []) made.add(name);
  }
  return order;
}
