/**
 * Unique names for nodes: profile, plan, parts and the runtime's profiler speak of nodes by name, and
 * half of the nodes of real models have none.
 *
 * @module
 */
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";

/**
 * Gives every node of the main graph a unique name. The first node of a name keeps it; one without a
 * name, or with one already taken, gets the name of its first output, with a number behind it if that
 * is taken, too. Nodes of subgraphs and functions keep theirs. O(nodes).
 */
export function nameNodes(model: OnnxModel): OnnxModel {
  const nodes = mainGraph(model.proto).node;
  const taken = new Set<string>();
  const keeps = nodes.map(({ name }) => {
    if (name === "" || taken.has(name)) return false;
    taken.add(name);
    return true;
  });
  const node = nodes.map((unnamed, position) => {
    if (keeps[position] === true) return unnamed;
    const base = unnamed.output.find((output) => output !== "") ?? unnamed.opType;
    let name = base;
    for (let suffix = 2; taken.has(name); suffix++) name = `${base}_${suffix}`;
    taken.add(name);
    return withFields(unnamed, { name });
  });
  return { proto: withGraph(model.proto, { node }), weights: model.weights };
}
