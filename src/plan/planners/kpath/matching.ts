import type { Random } from "../../../base/random.ts";
import { type Adjacency, type ColourRules, findPath, setBit } from "./colour-coding.ts";

/** Parts in a chain, and the devices that they are to be placed on. */
export interface MatchingTask {
  /** What each part but the first receives from the one before. */
  readonly sizes: readonly number[];
  /** Between which the classes lie: the smallest and the largest size of any candidate cut. */
  readonly range: readonly [least: number, most: number];
  /** Bits a second at [from · devices + to]; 0: no link. */
  readonly rates: Float64Array;
  readonly devices: number;
  /** That may run parts. */
  readonly members: readonly number[];
}

/** As many as the published experiments have at most. */
const classCount = 20;
/** Sets of colours of longer paths are too many: a run is placed in pieces. */
const mostLinks = 10;

/**
 * Places a chain of parts as paths: the links of the largest transfers first, a run of neighbouring
 * links of one class at a time, each over the fastest links on which a path of its length is found.
 *
 * The path's least rate is found by bisection over the rates that occur, each step of it by colour
 * coding. `published` leaves the class of the largest transfer of all out, so that parts with it are
 * never placed.
 *
 * @returns the device of each part; `null`: no path was found for some run
 */
export function* matchPaths(
  task: MatchingTask,
  random: Random,
  rules: ColourRules,
  classes: number = classCount,
): Generator<null, number[] | null> {
  const parts = task.sizes.length + 1;
  const placed = new Array<number | undefined>(parts).fill(undefined);
  const classOf = task.sizes.map((size) => classIn(size, task.range, classes, rules));
  for (let current = classes; current >= 1; current--) {
    for (const { first, links } of runsOf(classOf, current)) {
      const path = yield* placeRun(task, placed, { first, links }, { random, rules });
      if (path === null) return null;
      path.forEach((device, offset) => {
        placed[first + offset] = device;
      });
    }
  }
  return placed.includes(undefined) ? null : (placed as number[]);
}

/** 1 to `classes`; as published, the largest size is in a class behind the last. */
function classIn(
  size: number,
  [least, most]: MatchingTask["range"],
  classes: number,
  rules: ColourRules,
): number {
  if (most === least) return 1;
  const found = Math.floor(((size - least) / (most - least)) * classes) + 1;
  return rules === "published" ? found : Math.min(found, classes);
}

/** Links between parts that are placed together, from the part `first` on. */
interface LinkRun {
  readonly first: number;
  readonly links: number;
}

/** The runs of neighbouring links of a class, the longest first. */
function runsOf(classOf: readonly number[], wanted: number): LinkRun[] {
  const runs: LinkRun[] = [];
  for (let first = 0; first < classOf.length; ) {
    let end = first;
    while (end < classOf.length && classOf[end] === wanted && end - first < mostLinks) end++;
    if (end > first) runs.push({ first, links: end - first });
    first = Math.max(end, first + 1);
  }
  return runs.sort((a, b) => b.links - a.links);
}

interface PathSearch {
  readonly random: Random;
  readonly rules: ColourRules;
}

/** The path whose slowest link is the fastest found, its ends where neighbours stand already. */
function* placeRun(
  { rates, devices, members }: MatchingTask,
  placed: readonly (number | undefined)[],
  { first, links }: LinkRun,
  { random, rules }: PathSearch,
): Generator<null, number[] | null> {
  const from = placed[first] ?? null;
  const to = placed[first + links] ?? null;
  const allowed = members.filter(
    (device) => device === from || device === to || !placed.includes(device),
  );
  const wanted = { length: links + 1, from, to, allowed };
  const steps = ratesAmong(rates, devices, allowed);
  let best: number[] | null = null;
  // The fastest of the rates that is known to have a path is before `high`, one without before `low`.
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const adjacency = adjacencyFrom(rates, devices, allowed, steps[middle] as number);
    const path = findPath(adjacency, wanted, random, rules);
    yield null;
    if (path === null) low = middle + 1;
    else {
      best = path;
      high = middle;
    }
  }
  return best;
}

/** All rates that links among the devices have, the fastest first. */
function ratesAmong(rates: Float64Array, devices: number, allowed: readonly number[]): number[] {
  const found = new Set<number>();
  for (const from of allowed) {
    for (const to of allowed) found.add(rates[from * devices + to] as number);
  }
  found.delete(0);
  return [...found].sort((a, b) => b - a);
}

function adjacencyFrom(
  rates: Float64Array,
  devices: number,
  allowed: readonly number[],
  least: number,
): Adjacency {
  const words = Math.ceil(devices / 32);
  const rows = new Uint32Array(devices * words);
  for (const from of allowed) {
    for (const to of allowed) {
      if ((rates[from * devices + to] as number) >= least) setBit(rows, from * words, to);
    }
  }
  return { devices, words, rows };
}
