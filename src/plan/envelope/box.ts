/**
 * The box of states that an envelope holds for: what changes, and between which ends.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import type { State } from "../../cost/state.ts";
import { nominalState } from "../../cost/state.ts";
import type { Problem } from "../problem.ts";
import type { EnvelopeParameter } from "./file.ts";

/** One thing that changes while all else stays as the topology states it. */
export type Parameter =
  | {
      readonly type: "bandwidth";
      /** Positions of links whose bandwidths keep their ratios to each other. */
      readonly links: readonly number[];
      /** Of the first of them, in bits per second. */
      readonly least: number;
      readonly most: number;
    }
  | {
      readonly type: "slow-down";
      readonly device: number;
      /** How many times longer its work takes than at its stated speed. */
      readonly least: number;
      readonly most: number;
    };

/**
 * Refuses a box that says nothing, or something twice, or that does not fit the topology.
 *
 * @throws USAGE_INVALID
 */
export function checkBox(problem: Problem, box: readonly Parameter[]): void {
  if (box.length === 0) throw invalid("an envelope needs at least one parameter that changes");
  const taken = new Set<string>();
  for (const parameter of box) {
    const { least, most } = parameter;
    const name = nameOfParameter(problem, parameter);
    const written = (value: number): string =>
      parameter.type === "bandwidth" ? formatQuantity(value, "bit/s") : String(value);
    if (!(least > 0 && least < most && most < Number.POSITIVE_INFINITY)) {
      throw invalid(
        `${name}: its range is ${written(least)} to ${written(most)}; it must begin above 0 and end at something larger`,
      );
    }
    for (const part of partsOf(problem, parameter)) {
      if (taken.has(part)) throw invalid(`${part} changes by two parameters; leave one out`);
      taken.add(part);
    }
  }
}

function partsOf(problem: Problem, parameter: Parameter): string[] {
  if (parameter.type === "slow-down") {
    const device = problem.devices[parameter.device];
    if (device !== undefined) return [`device '${device.name}'`];
    throw invalid(`there is no device ${parameter.device}`);
  }
  if (parameter.links.length === 0) throw invalid("a bandwidth that changes names no link");
  return parameter.links.map((link) => {
    const ends = problem.topology.links[link];
    if (ends !== undefined) return `link ${ends.from} → ${ends.to}`;
    throw invalid(`there is no link ${link}`);
  });
}

/** For messages: `bandwidth of link camera → gateway`, `slow-down of device 'cloud'`. */
function nameOfParameter(problem: Problem, parameter: Parameter): string {
  const parts = partsOf(problem, parameter).join(", ");
  return parameter.type === "bandwidth" ? `bandwidth of ${parts}` : `slow-down of ${parts}`;
}

/**
 * A parameter as lines know it: how many times longer things take than the topology states. A cost
 * is linear in that, in 1 ÷ bandwidth as in slow-down.
 */
export function coordinateOf(problem: Problem, parameter: Parameter, value: number): number {
  return parameter.type === "slow-down" ? value : nominalOf(problem, parameter.links[0]) / value;
}

/** The coordinate's range. */
export function coordinateRange(problem: Problem, parameter: Parameter): [number, number] {
  const ends = [parameter.least, parameter.most].map((value) =>
    coordinateOf(problem, parameter, value),
  ) as [number, number];
  return parameter.type === "slow-down" ? ends : [ends[1], ends[0]];
}

/** The state in which parameters have values: bits per second of the first link, or slow-downs. */
export function stateAt(
  problem: Problem,
  box: readonly Parameter[],
  values: ArrayLike<number>,
): State {
  const nominal = nominalState(problem.topology);
  const bandwidths = [...nominal.bandwidthBitsPerSecond];
  const slowDown = [...nominal.slowDown];
  box.forEach((parameter, position) => {
    const coordinate = coordinateOf(problem, parameter, values[position] as number);
    if (parameter.type === "slow-down") slowDown[parameter.device] = coordinate;
    else
      for (const link of parameter.links) bandwidths[link] = nominalOf(problem, link) / coordinate;
  });
  return { bandwidthBitsPerSecond: bandwidths, slowDown };
}

/** The parameter with names for positions. */
export function writeParameter(problem: Problem, parameter: Parameter): EnvelopeParameter {
  const { least, most } = parameter;
  if (parameter.type === "slow-down") {
    return {
      type: "slow-down",
      device: problem.devices[parameter.device]?.name ?? "",
      least,
      most,
    };
  }
  return {
    type: "bandwidth",
    links: parameter.links.map((link) => {
      const { from = "", to = "" } = problem.topology.links[link] ?? {};
      return [from, to];
    }),
    nominalBitsPerSecond: nominalOf(problem, parameter.links[0]),
    leastBitsPerSecond: least,
    mostBitsPerSecond: most,
  };
}

function nominalOf(problem: Problem, link: number | undefined): number {
  return problem.topology.links[link ?? -1]?.bandwidthBitsPerSecond ?? Number.NaN;
}

function invalid(message: string): CodedError {
  return new CodedError("USAGE_INVALID", message);
}
