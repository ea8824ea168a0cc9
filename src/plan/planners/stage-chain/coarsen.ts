import { contract } from "../../../graph/contract.ts";
import { enumerateLattice, type Lattice, successorsOf } from "../../../graph/ideals.ts";
import type { StageChain, StageModel } from "./model.ts";

/** A model whose units are sets of units of another. */
export interface CoarseModel {
  readonly model: StageModel;
  /** Units of the fine model, ascending. */
  readonly units: readonly (readonly number[])[];
}

/** Units this many steps from a border of stages stay apart. */
const nearSteps = 3;
/** Sizes of units, as parts of the work of all, that are tried. */
const largest = 1 / 8;
const smallest = 1 / 4096;
const growth = 1.6;

/**
 * Joins units until there are few enough ideals, the light ones first.
 *
 * @param chain borders near which units stay apart; `null`: none
 * @returns `null` if there are too many ideals even so
 */
export function coarsenTo(
  model: StageModel,
  chain: StageChain | null,
  mostIdeals: number,
): { coarse: CoarseModel; lattice: Lattice } | null {
  const work = workOf(model);
  const total = work.reduce((sum, seconds) => sum + seconds, 0);
  const isNear = chain === null ? () => false : nearBorders(model, chain);
  for (let part = smallest; part <= largest; part *= growth) {
    const units = join(model, work, (unit) => (isNear(unit) ? 0 : part * total));
    const coarse = joinUnits(model, units);
    const lattice = enumerateLattice(coarse.model.predecessors, mostIdeals);
    if (lattice !== null) return { coarse, lattice };
  }
  return null;
}

/** The chain of the fine model. */
export function refineChain({ units }: CoarseModel, chain: StageChain): StageChain {
  return chain.map((stage) => ({
    ...stage,
    units: stage.units.flatMap((unit) => units[unit] as readonly number[]).sort((a, b) => a - b),
  }));
}

/** Joins sets of units, and what lies on a cycle then. Flows that stay inside are left out. */
export function joinUnits(model: StageModel, groups: readonly (readonly number[])[]): CoarseModel {
  const index = { predecessors: model.predecessors, successors: successorsOf(model.predecessors) };
  const { units, unitOf, predecessors } = contract(index, groups);
  const kept = model.flows.flatMap((flow, position) => {
    const producer = flow.producer === null ? null : (unitOf[flow.producer] as number);
    const readers = new Set(flow.consumers.map((unit) => unitOf[unit] as number));
    if (producer !== null) readers.delete(producer);
    if (readers.size === 0 && !flow.isDelivered) return [];
    return { position, producer, consumers: [...readers], isDelivered: flow.isDelivered };
  });
  const sum = (values: Float64Array): Float64Array =>
    Float64Array.from(units, (members) =>
      members.reduce((total, unit) => total + (values[unit] as number), 0),
    );
  const pick = (values: Float64Array): Float64Array =>
    Float64Array.from(kept, ({ position }) => values[position] as number);
  const { alive } = model;
  const fine = (some: readonly number[]): number[] =>
    some.flatMap((unit) => units[unit] as readonly number[]).sort((a, b) => a - b);
  return {
    units,
    model: {
      ...model,
      predecessors,
      flows: kept,
      classes: model.classes.map((one) => ({
        ...one,
        seconds: sum(one.seconds),
        terms: one.terms.map((term) => ({
          ...term,
          enter: pick(term.enter),
          leave: pick(term.leave),
        })),
      })),
      unitBytes: sum(model.unitBytes),
      alive: alive && { of: (some) => alive.of(fine(some)), most: sum(alive.most) },
    },
  };
}

/** Seconds of each unit where it runs fastest. */
function workOf({ predecessors, classes }: StageModel): number[] {
  return predecessors.map((_, unit) =>
    Math.min(...classes.map(({ seconds }) => seconds[unit] as number)),
  );
}

function nearBorders({ predecessors }: StageModel, chain: StageChain): (unit: number) => boolean {
  const stageOf: number[] = [];
  chain.forEach(({ units }, stage) => {
    for (const unit of units) stageOf[unit] = stage;
  });
  const successors = successorsOf(predecessors);
  const neighbours = predecessors.map((before, unit) => [
    ...before,
    ...(successors[unit] as readonly number[]),
  ]);
  let near = new Set(
    [...predecessors.keys()].filter((unit) =>
      neighbours[unit]?.some((other) => stageOf[other] !== stageOf[unit]),
    ),
  );
  for (let step = 1; step < nearSteps; step++) {
    near = new Set([...near].flatMap((unit) => [unit, ...(neighbours[unit] ?? [])]));
  }
  return (unit) => near.has(unit);
}

/** Joins units one after the other, and those side by side, as long as the work stays below a limit. */
function join(
  { predecessors }: StageModel,
  work: readonly number[],
  most: (unit: number) => number,
): readonly (readonly number[])[] {
  const index = { predecessors, successors: successorsOf(predecessors) };
  let joined = contract(index, []);
  for (;;) {
    const weights = joined.units.map((members) =>
      members.reduce((sum, unit) => sum + (work[unit] as number), 0),
    );
    const limits = joined.units.map((members) => Math.min(...members.map(most)));
    const pairs = pairUp(joined.predecessors, (a, b) => {
      const sum = (weights[a] as number) + (weights[b] as number);
      return sum <= Math.min(limits[a] as number, limits[b] as number);
    });
    if (pairs.length === 0) return joined.units;
    const partner = new Map(pairs);
    const second = new Set(pairs.map(([, b]) => b));
    joined = contract(
      index,
      joined.units.flatMap((members, unit) => {
        if (second.has(unit)) return [];
        const other = partner.get(unit);
        return [other === undefined ? members : [...members, ...(joined.units[other] ?? [])]];
      }),
    );
  }
}

/** Disjoint pairs that may be joined: none of them lies on another way from one unit to the other. */
function pairUp(
  predecessors: readonly (readonly number[])[],
  isLight: (a: number, b: number) => boolean,
): [number, number][] {
  const successors = successorsOf(predecessors);
  const isTaken = predecessors.map(() => false);
  const pairs: [number, number][] = [];
  const take = (a: number, b: number): void => {
    if (isTaken[a] || isTaken[b] || !isLight(a, b)) return;
    isTaken[a] = isTaken[b] = true;
    pairs.push([a, b]);
  };
  const alike = new Map<string, number>();
  predecessors.forEach((before, unit) => {
    const after = successors[unit] as readonly number[];
    for (const next of after) {
      if (after.length === 1 || predecessors[next]?.length === 1) take(unit, next);
    }
    if (before.length === 0 || after.length === 0 || isTaken[unit]) return;
    const place = `${before} ${[...after].sort((a, b) => a - b)}`;
    const other = alike.get(place);
    if (other === undefined || isTaken[other]) alike.set(place, unit);
    else take(other, unit);
  });
  return pairs;
}
