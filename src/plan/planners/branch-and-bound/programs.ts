import { buildPlacementProgram, countColumns, programUnit } from "../../linear-bound.ts";
import { boundByPrices, type LinearEffort, type LinearSolver } from "../../linear-solver.ts";
import type { Placement } from "../../problem.ts";
import type { SearchSpace } from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import { improve } from "./moves.ts";
import { at } from "./sweep.ts";

/** Beyond this many columns a linear programme takes longer than it is worth. */
const mostColumns = 6_000;
/** Beyond this many whole numbers cannot be found in a reasonable time. */
const mostIntegerColumns = 2_000;
/** Solvers work in floating-point numbers: a bound of theirs is believed but for this part of it. */
const doubt = 1e-6;

const linear: LinearEffort = { iterations: 20_000, nodes: 0 };
const integer: LinearEffort = { iterations: 10_000, nodes: 200 };

/**
 * Bounds by the linear programme of `buildPlacementProgram`, and by the same in whole numbers where
 * it is small; their rounded solutions challenge the champion. The linear bound is worked out anew
 * from the solver's prices, so that it holds even if the solver stops early.
 *
 * @param bound what is known to be a bound
 * @returns a bound; yields it before and after each programme
 */
export function* boundByPrograms(
  space: SearchSpace,
  champion: Champion,
  solver: LinearSolver,
  bound: number,
): Generator<number, number> {
  const size = countColumns(space);
  let best = bound;
  for (const isInteger of [false, true]) {
    if (size > (isInteger ? mostIntegerColumns : mostColumns) || best >= champion.cutoff) break;
    yield best;
    const solved = solveOnce(space, solver, Math.max(bound, 1e-12), isInteger);
    best = Math.min(champion.cutoff, Math.max(best, solved.bound));
    yield best;
    if (solved.placement === null) continue;
    champion.challenge(solved.placement, space);
    const moved = yield* at(best, improve(space, solved.placement, 2 * space.units.length));
    champion.challenge(moved, space);
  }
  return Math.min(best, champion.cutoff);
}

interface Solved {
  /** `Infinity`: nothing is allowed. */
  readonly bound: number;
  readonly placement: Placement | null;
}

function solveOnce(
  space: SearchSpace,
  solver: LinearSolver,
  scale: number,
  isInteger: boolean,
): Solved {
  const { program, round } = buildPlacementProgram(space, scale, isInteger);
  const { type, values, bound, prices } = solver.solve(program, isInteger ? integer : linear);
  if (type === "infeasible") return { bound: Number.POSITIVE_INFINITY, placement: null };
  const proven = isInteger ? bound : boundByPrices(program, prices);
  return {
    bound: (scale / programUnit) * proven * (1 - doubt),
    placement: values.length === 0 ? null : round(values),
  };
}
