import { type Line, reverseLine } from "./line.ts";
import type { Problem } from "./problem.ts";

/**
 * Links between the source and each device, whatever they carry and how fast: a placement is one-way
 * if no node runs on a device nearer to the source than where something that it reads was made.
 * `Infinity`: out of reach. O(devices · links) time.
 */
export function linksFromSource({ devices, hops, source }: Problem): readonly number[] {
  const distances = devices.map((_, device) => (device === source ? 0 : Number.POSITIVE_INFINITY));
  const reached = [source];
  for (const device of reached) {
    const next = (distances[device] as number) + 1;
    for (const { from, to } of hops.links) {
      if (from !== device || (distances[to] as number) <= next) continue;
      distances[to] = next;
      reached.push(to);
    }
  }
  return distances;
}

/**
 * A line seen from the source: the same devices, the source first; `null` if it is at neither end.
 *
 * Where direct links that no tensor takes stand beside the line, its order need not be that of
 * `linksFromSource`.
 */
export function fromSource(line: Line, { source }: Problem): Line | null {
  if (line.devices[0] === source) return line;
  return line.devices.at(-1) === source ? reverseLine(line) : null;
}

/** Whether each device of a line is further from the source, in links, than the one before it. */
export function leadsAway(line: Line, problem: Problem): boolean {
  const distances = linksFromSource(problem);
  return line.devices.every((device, position) => distances[device] === position);
}
