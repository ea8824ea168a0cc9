import { type CostTerms, costTerms } from "../cost-line.ts";
import { findViolation } from "../feasibility.ts";
import type { Line } from "../line.ts";
import { type BoundaryCosts, createRowCut, type RowCut } from "../planners/exact-line.ts";
import type { Placement, Problem } from "../problem.ts";
import { findHops } from "../transfers.ts";
import type { Parameter } from "./box.ts";
import { type Linear, valueAt } from "./subdivision.ts";

/** A placement, the codecs of its hops, and what it costs by state. */
export interface StateLine extends Linear {
  readonly placement: Placement;
  readonly codecs: readonly {
    readonly tensor: number;
    readonly link: number;
    readonly codec: string;
  }[];
}

/** Finds best placements, state by state. */
export interface PointSolver {
  /** @returns the best placement and a bound on all; `null` if no placement is allowed */
  solve(at: ArrayLike<number>): { readonly line: StateLine; readonly bound: number } | null;
  /** A placement with the codecs that are best in a state; `null` if it is not allowed. */
  lineOf(placement: Placement, at: ArrayLike<number>): StateLine | null;
}

/**
 * Prepares the minimum cuts for the states of a box: the network is built once, and all costs are
 * tabulated as linear functions of the coordinates. Memory and limits are left aside.
 *
 * @param line the devices' line, which holds all links
 */
export function createPointSolver(
  problem: Problem,
  line: Line,
  box: readonly Parameter[],
): PointSolver {
  const space = tabulate(problem, box);
  let cut: RowCut | null = null;
  return {
    solve: (at) => {
      const hops = bestOptions(space, at);
      const costs = boundaryCosts(problem, space, line, at, hops);
      cut ??= createRowCut(problem, costs);
      const found = cut.solve(costs);
      if (found === null) return null;
      return { line: toLine(space, found.placement, hops), bound: found.bound };
    },
    lineOf: (placement, at) => {
      const isAllowed =
        findViolation(problem, placement) === null && !("to" in findHops(problem, placement));
      return isAllowed ? toLine(space, placement, bestOptions(space, at)) : null;
    },
  };
}

/** A tensor's hop with one codec. */
interface Option extends Linear {
  readonly codec: string | null;
}

interface Space {
  readonly problem: Problem;
  readonly terms: CostTerms;
  readonly dimensions: number;
  /** The parameter that slows a device down; -1: none. */
  readonly deviceParameter: readonly number[];
  /** For each kind of cargo and link. */
  readonly options: readonly (readonly (readonly Option[])[])[];
}

function tabulate(problem: Problem, box: readonly Parameter[]): Space {
  const { hops, devices, topology } = problem;
  const terms = costTerms(problem) as CostTerms;
  const deviceParameter = devices.map((_, device) =>
    box.findIndex((parameter) => parameter.type === "slow-down" && parameter.device === device),
  );
  const linkParameter = topology.links.map((_, link) =>
    box.findIndex((parameter) => parameter.type === "bandwidth" && parameter.links.includes(link)),
  );
  const optionOf = (tensor: number, link: number, codec: string | null): Option => {
    const { from, to } = hops.links[link] as { from: number; to: number };
    const term = terms.hop(
      hops.withCodecs(() => codec),
      tensor,
      link,
    );
    const sum = new LinearSum(box.length);
    const nominal = topology.links[link]?.bandwidthBitsPerSecond ?? Number.NaN;
    sum.add(-1, term.constant);
    sum.add(linkParameter[link] as number, term.perLink / nominal);
    sum.add(deviceParameter[from] as number, term.sender);
    sum.add(deviceParameter[to] as number, term.receiver);
    return { ...sum.result(), codec };
  };
  const options = hops.samples.map((tensor) =>
    hops.links.map((_, link) =>
      [null, ...hops.codecs(link, tensor)].map((codec) => optionOf(tensor, link, codec)),
    ),
  );
  return { problem, terms, dimensions: box.length, deviceParameter, options };
}

class LinearSum {
  #constant = 0;
  readonly #slopes: Float64Array;

  constructor(dimensions: number) {
    this.#slopes = new Float64Array(dimensions);
  }

  /** @param parameter -1: the term is the same in every state */
  add(parameter: number, term: number): void {
    if (parameter < 0) this.#constant += term;
    else this.#slopes[parameter] = (this.#slopes[parameter] as number) + term;
  }

  addAll({ constant, slopes }: Linear): void {
    this.#constant += constant;
    for (let position = 0; position < this.#slopes.length; position++) {
      this.add(position, slopes[position] as number);
    }
  }

  result(): Linear {
    return { constant: this.#constant, slopes: this.#slopes };
  }
}

/** By kind of cargo and link: the codec that is best in a state, and what the hop costs there. */
interface Choice {
  readonly option: Option;
  readonly cost: number;
}

function bestOptions(space: Space, at: ArrayLike<number>): readonly (readonly Choice[])[] {
  return space.options.map((links) =>
    links.map((options) =>
      options
        .map((option) => ({ option, cost: valueAt(option, at) }))
        .reduce((best, choice) => (choice.cost < best.cost ? choice : best)),
    ),
  );
}

function boundaryCosts(
  problem: Problem,
  { terms, deviceParameter }: Space,
  line: Line,
  at: ArrayLike<number>,
  choices: readonly (readonly Choice[])[],
): BoundaryCosts {
  const factors = deviceParameter.map((parameter) =>
    parameter < 0 ? 1 : (at[parameter] as number),
  );
  const hop = (tensor: number, link: number | null | undefined): number => {
    if (typeof link !== "number" || problem.private.has(tensor)) return Number.POSITIVE_INFINITY;
    return choices[problem.hops.sampleOf(tensor)]?.[link]?.cost ?? Number.NaN;
  };
  return {
    devices: line.devices,
    node: (device, node) => {
      if (device !== problem.source && problem.pinned.has(node)) return Number.POSITIVE_INFINITY;
      return terms.node(device, node) * (factors[device] as number);
    },
    up: (tensor, boundary) => hop(tensor, line.up[boundary]),
    down: (tensor, boundary) => hop(tensor, line.down[boundary]),
  };
}

function toLine(
  { problem, terms, dimensions, deviceParameter }: Space,
  placement: Placement,
  choices: readonly (readonly Choice[])[],
): StateLine {
  const sum = new LinearSum(dimensions);
  placement.forEach((device, node) => {
    sum.add(deviceParameter[device] as number, terms.node(device, node));
  });
  const hops = findHops(problem, placement);
  const codecs: { tensor: number; link: number; codec: string }[] = [];
  for (const { tensor, link } of "to" in hops ? [] : hops) {
    const option = choices[problem.hops.sampleOf(tensor)]?.[link]?.option as Option;
    sum.addAll(option);
    if (option.codec !== null) codecs.push({ tensor, link, codec: option.codec });
  }
  return { placement, codecs, ...sum.result() };
}
