import type { Problem } from "../../problem.ts";
import { answersOf, crossing, findStarts, inputsOf } from "../exact-pieces/model.ts";
import { findTwins } from "../exact-pieces/twins.ts";

/** Devices that can stand for each other in every plan; of those used the first ones are. */
export type DeviceClass = readonly number[];

/** @param twinBefore for each device its like before it, -1: none */
export function classesOf(
  runners: readonly number[],
  twinBefore: readonly number[],
): DeviceClass[] {
  const classOf = new Map<number, number[]>();
  const classes: number[][] = [];
  for (const device of runners) {
    const known = classOf.get(twinBefore[device] as number);
    const own = known ?? [];
    own.push(device);
    classOf.set(device, own);
    if (known === undefined) classes.push(own);
  }
  return classes;
}

/** How many states the dynamic programme has: counts of used devices × class of the last × cuts. */
export function countStates(classes: readonly DeviceClass[], pieces: number): number {
  const counts = classes.reduce((product, { length }) => product * (length + 1), 1);
  return counts * classes.length * (pieces + 1);
}

/** The same for a problem that is not modelled yet. */
export function statesOf(problem: Problem): { states: number; classes: number; pieces: number } {
  const starts = findStarts(problem);
  const pieces = starts.length - 1;
  const cargo = [
    ...inputsOf(problem),
    ...starts.slice(1, -1).flatMap((start) => crossing(problem, start)),
    ...(answersOf(problem, starts[pieces - 1] ?? 0) ?? []),
  ];
  const runners = problem.devices.flatMap((_, device) =>
    problem.index.graph.nodes.some((_, node) => Number.isFinite(problem.seconds.get(device, node)))
      ? [device]
      : [],
  );
  const classes = classesOf(runners, findTwins(problem, cargo));
  return { states: countStates(classes, pieces), classes: classes.length, pieces };
}
