/**
 * When compression is exact: what it asks of a problem, and what its answer then covers.
 *
 * @module
 */
import { articulationNodes } from "../../graph/articulation.ts";
import { additiveCosts } from "../additive.ts";
import { type CostTerms, costTerms } from "../cost-line.ts";
import { findOverfull, memoryOf } from "../feasibility.ts";
import { findLine, type Line } from "../line.ts";
import type { Problem } from "../problem.ts";
import { type CutWeights, isAtLeast, usedInputs, usedOutputs, weightOfAll } from "./weights.ts";

/** The states for which a compression is to hold. */
export interface CompressionStates {
  /** Least and largest slow-down of each device, by position; bandwidths may be any. */
  readonly slowDown: readonly (readonly [number, number])[];
}

/** The line of the devices, the source first; `null` if there is none. */
export function lineFromSource(problem: Problem): Line | null {
  const line = findLine(problem);
  if (line === null || line.devices[0] === problem.source) return line;
  if (line.devices.at(-1) !== problem.source) return null;
  return {
    devices: line.devices.toReversed(),
    up: line.down.toReversed(),
    down: line.up.toReversed(),
  };
}

/** What keeps a compression from being exact among one-way placements; `null`: nothing. */
export function refuseCompression(
  problem: Problem,
  line: Line,
  states: CompressionStates | null,
): string | null {
  const terms = costTerms(problem);
  if (terms === null)
    return "the throughput is no sum: what leaves the source may overload another";
  if (line.devices.length < 2) return "there is one device";
  if (line.up.includes(null)) return "a device has no link to the next one";
  if (Object.keys(problem.limits).length > 0) return "a limit or privacy may forbid what is merged";
  if (problem.groups.length > 0)
    return "nodes that must share a device would have to be merged first";
  return (
    refuseSink(problem, line) ??
    refuseSlower(problem, line, terms, states) ??
    refuseMemory(problem, line) ??
    refuseCodecs(problem, line, states)
  );
}

function refuseSink({ index, sink, source }: Problem, line: Line): string | null {
  if (sink === null) return null;
  if (index.inputs.some((tensor) => index.outputs.includes(tensor))) {
    return "a graph input that is an answer travels whatever is cut";
  }
  if (sink === line.devices.at(-1)) return null;
  if (sink !== source) return "the answer is wanted in the middle of the line";
  const last = index.graph.nodes.length - 1;
  const isLast = index.outputs.every((tensor) => index.producer[tensor] === last);
  return isLast && articulationNodes(index).at(-1) === last
    ? null
    : "an answer that does not come from the last node may travel back from some cuts and not from others";
}

function refuseSlower(
  { devices, index }: Problem,
  line: Line,
  terms: CostTerms,
  states: CompressionStates | null,
): string | null {
  const [least, most] = [0, 1].map((end) =>
    devices.map((_, device) => states?.slowDown[device]?.[end as 0 | 1] ?? 1),
  ) as [number[], number[]];
  for (const [position, device] of line.devices.slice(1).entries()) {
    const before = line.devices[position] as number;
    const node = index.graph.nodes.findIndex(
      (_, candidate) =>
        terms.node(device, candidate) * (most[device] as number) >
        terms.node(before, candidate) * (least[before] as number),
    );
    if (node < 0) continue;
    return `node '${index.graph.nodes[node]?.name}' may cost more on '${devices[device]?.name}' than on '${devices[before]?.name}'`;
  }
  return null;
}

/** What is moved away from the source must fit where it goes; everything on one device is the most. */
function refuseMemory(problem: Problem, line: Line): string | null {
  for (const device of line.devices.slice(1)) {
    if ((problem.devices[device]?.memoryBytes ?? null) === null) continue;
    const everything = problem.index.graph.nodes.map(() => device);
    const overfull = findOverfull(problem, memoryOf(problem, everything));
    if (overfull !== null) return `with everything on it, ${overfull.reason}`;
  }
  return null;
}

function refuseCodecs(
  problem: Problem,
  line: Line,
  states: CompressionStates | null,
): string | null {
  if (!isCoded(problem, line)) return null;
  if (states !== null) {
    return "which codec a tensor has depends on the state; a profile without codecs would do";
  }
  return line.devices.length > 2
    ? "boundaries may disagree which of two coded cuts is lighter"
    : null;
}

function isCoded({ hops }: Problem, { up, down }: Line): boolean {
  return [...up, ...down].some(
    (link) => link !== null && hops.samples.some((tensor) => hops.codecs(link, tensor).length > 0),
  );
}

/**
 * Bytes alone where a tensor costs nothing but its bytes; else on two devices and in one state what
 * hops cost, and in many states, or where many boundaries may disagree, bytes and the number of tensors.
 */
export function cutWeights(
  problem: Problem,
  line: Line,
  states: CompressionStates | null,
): CutWeights {
  const { links, rates } = problem.hops;
  const delivers = problem.sink !== null && problem.sink === line.devices.at(-1);
  const isOneBoundary = line.devices.length === 2;
  const bytesOf = (tensor: number): number => problem.linkBytes[tensor] as number;
  const isFree = line.up.every((link) => {
    const to = links[link as number]?.to as number;
    return rates.latencySeconds(link as number) === 0 && rates.receiveSeconds(to) === 0;
  });
  if (isFree && !isCoded(problem, line)) {
    return { components: 1, weightOf: bytesOf, delivers, agrees: true };
  }
  if (isOneBoundary && states === null) {
    const costs = additiveCosts(problem);
    const [up] = line.up as readonly number[];
    const weightOf = (tensor: number): number => costs?.hop(tensor, up as number) ?? 0;
    return { components: 1, weightOf, delivers, agrees: true };
  }
  const weightOf = (tensor: number, component: number): number =>
    component === 0 ? bytesOf(tensor) : 1;
  return { components: 2, weightOf, delivers, agrees: isOneBoundary };
}

/**
 * Whether no placement whose tensors come back towards the source can be better than all that are
 * one-way; `false` where that is not known.
 *
 * Sufficient: nothing can come back at all; or no tensor made between two articulation nodes weighs
 * less than the one that enters there, and none weighs less on its way back than the answer, if that
 * goes back. Then take any placement and at each boundary the last articulation node a that stands
 * below it with all that feeds it. Something before the next one stands above; whatever first
 * crosses to it is the tensor of a, or one that weighs no less. So ending the lower side at a costs
 * no more on the way up and in nodes; on the way back, only the answer crosses, where before it,
 * or a tensor that weighs no less, did. The nodes a of several boundaries stand in their order. ∎
 */
export function excludesReturn(problem: Problem, line: Line, weights: CutWeights): boolean {
  if (line.down.every((link) => link === null)) return true;
  const { index } = problem;
  if (index.nodeInputs.some((tensors) => tensors.length === 0)) return false;
  let entering = usedInputs(index);
  let first = 0;
  for (const end of [...articulationNodes(index), index.graph.nodes.length]) {
    if (first === index.graph.nodes.length) break;
    if (entering.length !== 1) return false;
    const least = weightOfAll(entering, weights);
    for (let node = first; node < end; node++) {
      const made = usedOutputs(index, node, weights);
      if (!made.every((tensor) => isAtLeast(weightOfAll([tensor], weights), least))) return false;
    }
    if (end < index.graph.nodes.length) entering = usedOutputs(index, end, weights);
    first = end + 1;
  }
  return problem.sink !== problem.source || returnsLightly(problem, line);
}

/** Whether the answer is one tensor, and none that a node makes is cheaper to carry back. */
function returnsLightly(problem: Problem, line: Line): boolean {
  const { index } = problem;
  const costs = additiveCosts(problem);
  if (index.outputs.length !== 1 || costs === null) return false;
  const answer = index.outputs[0] as number;
  const made = index.producer.flatMap((node, tensor) => (node === null ? [] : [tensor]));
  return line.down.every((link) => {
    const weigh = (tensor: number): number =>
      isCoded(problem, line)
        ? costs.hop(tensor, link as number)
        : (problem.linkBytes[tensor] as number);
    return link === null || made.every((tensor) => weigh(tensor) >= weigh(answer));
  });
}
