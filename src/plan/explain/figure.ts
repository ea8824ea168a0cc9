import type { BitsPerSecond } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import { evaluate } from "../evaluate.ts";
import type { Figure, Threshold } from "../explanation.ts";
import type { Placement, Problem } from "../problem.ts";
import type { TileStage } from "../tiles.ts";
import { changeDevice, equality, isClosed, rebuild, type Solver, usedBy } from "./solver.ts";

/** How far figures are moved. */
export const furthest = 16;
const accuracy = 1.01;
/** The bandwidths and speeds of a problem. */
export function figuresOf({ topology, kinds }: Problem): Figure[] {
  const bandwidths = topology.links.map(
    ({ from, to }): Figure => ({ type: "bandwidth", from, to }),
  );
  const speeds = topology.devices
    .filter((_, device) => kinds[device] !== null)
    .map(({ name }): Figure => ({ type: "speed", device: name }));
  return [...bandwidths, ...speeds];
}

/** What the plan does. */
export interface Owned {
  readonly placement: Placement;
  readonly tiles: readonly TileStage[];
}

/**
 * How far a figure moves before the plan changes: doubles the way that the figure moves until the plan changes, then bisects.
 *
 * @param end the furthest factor, above or below 1
 */
export function findThreshold(
  problem: Problem,
  own: Owned,
  figure: Figure,
  end: number,
  solver: Solver,
): Threshold {
  let kept = 1;
  let changed: { factor: number; other: Owned } | null = null;
  for (const factor of stepsTo(end)) {
    const better = betterAt(problem, own, figure, factor, solver);
    if (better === "unknown") return unknownThreshold;
    if (better !== null) {
      changed = { factor, other: better };
      break;
    }
    kept = factor;
  }
  if (changed === null) return { type: "never" };
  while (Math.max(changed.factor / kept, kept / changed.factor) > accuracy) {
    const factor = Math.sqrt(changed.factor * kept);
    const better = betterAt(problem, own, figure, factor, solver);
    if (better === "unknown") return unknownThreshold;
    if (better === null) kept = factor;
    else changed = { factor, other: better };
  }
  const { factor, other } = changed;
  const nodes = [...own.placement.keys()];
  const isMoved = (node: number): boolean => devicesOf(own, node) !== devicesOf(other, node);
  const recut = nodes.filter((node) => !isMoved(node) && tileOf(own, node) !== tileOf(other, node));
  return {
    type: "changes",
    factor,
    devicesUsed: usedBy(problem, other),
    movedNodes: nodes.filter(isMoved).length,
    ...(recut.length === 0 ? {} : { recutNodes: recut.length }),
  };
}

function devicesOf({ placement, tiles }: Owned, node: number): string {
  const shared = tiles.find(({ nodes }) => nodes.includes(node));
  const devices = new Set(shared?.devices ?? [placement[node] as number]);
  return [...devices].sort((a, b) => a - b).join(" ");
}

/** The stage that several devices run it in, and who has which part; empty: none. */
function tileOf({ tiles }: Owned, node: number): string {
  const shared = tiles.find(({ nodes }) => nodes.includes(node));
  return shared === undefined ? "" : JSON.stringify(shared);
}

const unknownThreshold: Threshold = {
  type: "unknown",
  reason: "the budget of solves is used up or a plan could not be proven best",
};

function stepsTo(end: number): number[] {
  return [2, 4, 8, furthest].map((factor) => (end < 1 ? 1 / factor : factor));
}

/** What beats the plan where the figure is multiplied; `null` if nothing does. */
function betterAt(
  problem: Problem,
  { placement, tiles }: Owned,
  figure: Figure,
  factor: number,
  solver: Solver,
): Owned | null | "unknown" {
  const moved = rebuild(problem, moveFigure(problem, figure, factor));
  const solved = solver.solve(moved);
  if (solved === "unknown") return "unknown";
  const own = evaluate(moved, placement, tiles);
  if ("type" in solved) return own.type === "feasible" ? "unknown" : null;
  const other = { placement: solved.placement, tiles: solved.tiles ?? [] };
  if (own.type === "infeasible") return other;
  if (own.value - solved.value > equality * Math.abs(own.value)) return other;
  return isClosed(solved) ? null : "unknown";
}

function moveFigure(problem: Problem, figure: Figure, factor: number): Topology {
  if (figure.type === "speed") {
    const device = problem.devices.findIndex(({ name }) => name === figure.device);
    return changeDevice(problem, device, (old) => ({ ...old, speed: old.speed * factor }));
  }
  const links = problem.topology.links.map((link) => {
    if (link.from !== figure.from || link.to !== figure.to) return link;
    const bandwidthBitsPerSecond = (link.bandwidthBitsPerSecond * factor) as BitsPerSecond;
    return { ...link, bandwidthBitsPerSecond };
  });
  return { ...problem.topology, links };
}
