import { memoryBytes } from "../../../cost/memory.ts";
import { articulationNodes } from "../../../graph/articulation.ts";
import type { Problem } from "../../problem.ts";

/** The device that holds the input, and the only other one that can run nodes; positions. */
export interface Sides {
  readonly device: number;
  readonly server: number;
}

/** What the device's side of a cut needs, from shapes alone. */
export interface Cut {
  /** The first nodes in graph order, which the device runs. */
  readonly nodes: number;
  readonly flop: number;
  readonly parameterBytes: number;
  /** Parameters, tensors alive and what the runtime takes, as the cost model counts. */
  readonly memoryBytes: number;
  /** Of what crosses to the server; the answer's way back is left out. */
  readonly linkBytes: number;
  /** Of the crossing tensors over their links, without work at the ends. */
  readonly linkSeconds: number;
  readonly linkJoules: number;
}

/** Nodes looked at between two chances to stop. */
const nodesPerStep = 200_000;

/** `findCutsInSteps` without a stop. */
export function findCuts(problem: Problem, sides: Sides): Cut[] {
  const steps = findCutsInSteps(problem, sides);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * The cuts at articulation nodes, so that what one node makes is all that crosses, from nothing on
 * the device to everything. O(nodes · cuts) time.
 */
export function* findCutsInSteps(problem: Problem, sides: Sides): Generator<null, Cut[]> {
  const { index } = problem;
  const whole = index.graph.nodes.length;
  const ends = articulationNodes(index).map((node) => node + 1);
  const counts = [...new Set([0, ...ends, whole])];
  const cutsPerStep = Math.max(1, Math.ceil(nodesPerStep / (whole + 1)));
  let known = 0;
  let flop = 0;
  let parameters = 0;
  const cuts: Cut[] = [];
  for (const [position, nodes] of counts.entries()) {
    for (; known < nodes; known++) {
      flop += index.graph.nodes[known]?.flop ?? 0;
      parameters += index.graph.nodes[known]?.parameterBytes ?? 0;
    }
    const own = Array.from({ length: nodes }, (_, node) => node);
    const overhead = problem.kinds[sides.device]?.overheadBytes ?? 0;
    cuts.push({
      nodes,
      flop,
      parameterBytes: parameters,
      memoryBytes: memoryBytes(index, own, overhead),
      ...crossingOf(problem, sides, nodes),
    });
    if (position % cutsPerStep === cutsPerStep - 1) yield null;
  }
  return cuts;
}

function crossingOf(
  problem: Problem,
  { device, server }: Sides,
  nodes: number,
): Pick<Cut, "linkBytes" | "linkSeconds" | "linkJoules"> {
  let linkBytes = 0;
  let linkSeconds = 0;
  let linkJoules = 0;
  for (const tensor of tensorsAcross(problem, server, nodes)) {
    const bytes = problem.linkBytes[tensor] as number;
    linkBytes += bytes;
    for (const position of problem.hops.route(device, server, tensor) ?? []) {
      const link = problem.topology.links[position];
      if (link === undefined) continue;
      linkSeconds += link.latencySeconds + (8 * bytes) / link.bandwidthBitsPerSecond;
      linkJoules += link.energyJoulesPerBit * 8 * bytes;
    }
  }
  return { linkBytes, linkSeconds, linkJoules };
}

/** What the first nodes make, or the source has, and the server needs. */
function tensorsAcross({ index, sink }: Problem, server: number, nodes: number): number[] {
  const answers = new Set(sink === server ? index.outputs : []);
  return index.graph.tensors.flatMap((_, tensor) => {
    if ((index.producer[tensor] ?? -1) >= nodes) return [];
    const isRead = (index.consumers[tensor] ?? []).some((consumer) => consumer >= nodes);
    return isRead || answers.has(tensor) ? [tensor] : [];
  });
}
