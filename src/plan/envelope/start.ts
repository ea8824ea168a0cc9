import { memoryBytes } from "../../cost/memory.ts";
import type { Line } from "../line.ts";
import type { Placement, Problem } from "../problem.ts";

/**
 * Placements that need no search: everything on one device, and in graph order as much on each
 * device of the line as fits, from either end.
 *
 * O(devices · nodes · log nodes) time.
 */
export function simplePlacements(problem: Problem, line: Line): Placement[] {
  const whole = problem.devices.map((_, device) => problem.index.graph.nodes.map(() => device));
  if (problem.devices.every(({ memoryBytes: memory }) => memory === null)) return whole;
  const filled = [line.devices, line.devices.toReversed()].map((order) => fill(problem, order));
  const all = [...whole, ...filled.filter((placement) => placement !== null)];
  const isFirst = (placement: Placement, position: number): boolean =>
    all.findIndex((other) => other.every((device, node) => device === placement[node])) ===
    position;
  return all.filter(isFirst);
}

function fill(problem: Problem, order: readonly number[]): Placement | null {
  const count = problem.index.graph.nodes.length;
  const placement: number[] = [];
  for (const device of order) {
    const first = placement.length;
    const fits = (end: number): boolean => {
      const nodes = Array.from({ length: end - first }, (_, node) => first + node);
      const needed = memoryBytes(problem.index, nodes, problem.kinds[device]?.overheadBytes ?? 0);
      return needed <= (problem.devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY);
    };
    let [end, beyond] = [first, count + 1];
    while (beyond - end > 1) {
      const middle = (end + beyond) >> 1;
      if (fits(middle)) end = middle;
      else beyond = middle;
    }
    while (placement.length < end) placement.push(device);
  }
  return placement.length === count ? placement : null;
}
