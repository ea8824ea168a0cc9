import type { State } from "../../../cost/state.ts";
import type { Line } from "../../line.ts";
import { createProblem, type Placement, type Problem } from "../../problem.ts";
import { type BoundaryCosts, createRowCut, type RowCut } from "../exact-line.ts";
import { createStateCosts } from "./state-costs.ts";

/** What stands between two articulation nodes that follow one another. */
export interface Segment {
  /** The node that enters; -1: the inputs of the graph. */
  readonly entry: number;
  /** The node that ends it; `null`: nothing does, the graph has several ends. */
  readonly end: number | null;
}

/** The best cut inside a segment, found again in each state. */
export interface InteriorCut {
  /**
   * @returns what the nodes inside and the tensors over their cut cost, and where these nodes
   * stand; `null` if every cut costs `Infinity`
   */
  solve(state: State): { readonly cost: number; readonly placement: Placement } | null;
}

/**
 * Builds the network of a segment, in which all before stands on the source and its end on the other
 * device; tensors never come back. O(nodes + uses) of the segment, once; then one minimum cut a state.
 */
export function createInteriorCut(problem: Problem, line: Line, segment: Segment): InteriorCut {
  const part = cutOut(problem, line, segment);
  const { graph } = part.index;
  const costsIn = createStateCosts(part, line);
  const source = line.devices[0] as number;
  const held = segment.end === null ? -1 : graph.nodes.length - 1;
  const holdEnd = (costs: BoundaryCosts): BoundaryCosts => ({
    ...costs,
    node: (device, node) => {
      if (node !== held) return costs.node(device, node);
      return device === source ? Number.POSITIVE_INFINITY : 0;
    },
  });
  let network: RowCut | null = null;
  return {
    solve: (state) => {
      const costs = holdEnd(costsIn(state));
      network ??= createRowCut(part, costs, "up");
      const found = network.solve(costs);
      if (found === null) return null;
      const inside = held < 0 ? found.placement : found.placement.slice(0, held);
      return { cost: found.bound, placement: inside };
    },
  };
}

/** The segment as a problem of its own, its end with it; answers are delivered only if that is the other device. */
function cutOut(problem: Problem, { devices }: Line, { entry, end }: Segment): Problem {
  const { profile, topology, objective, sink } = problem;
  const { graph } = profile;
  const behind = end === null ? graph.nodes.length : end + 1;
  const nodes = graph.nodes.slice(entry + 1, behind);
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const delivers = end === null && sink === devices.at(-1);
  const needed = new Set([
    ...nodes.flatMap(({ inputs }) => inputs),
    ...(delivers ? graph.outputs : []),
  ]);
  const inputs = [...needed].filter((name) => !made.has(name));
  const part = {
    ...graph,
    nodes,
    inputs,
    outputs: delivers ? graph.outputs : [],
    tensors: graph.tensors.filter(({ name }) => needed.has(name) || made.has(name)),
  };
  const kinds = Object.entries(profile.devices).map(([name, kind]) => [
    name,
    { ...kind, nodeSeconds: kind.nodeSeconds.slice(entry + 1, behind) },
  ]);
  const stated = Object.entries(topology.inputBytes).filter(([name]) => inputs.includes(name));
  return createProblem(
    { ...profile, graph: part, devices: Object.fromEntries(kinds) },
    {
      ...topology,
      sink: delivers ? topology.sink : "anywhere",
      inputBytes: Object.fromEntries(stated),
    },
    objective,
  );
}
