import { nominalState, type State } from "../../cost/state.ts";
import type { Topology } from "../../cost/topology.ts";
import type { WeightedState } from "../../cost/trace.ts";
import { type CostLine, costAt } from "../cost-line.ts";

interface Place {
  readonly type: "link" | "device";
  readonly position: number;
}

interface PlaceInStep extends Place {
  /** Its value is so many times that of the parameter. */
  readonly times: number;
}

/** Links, or devices, that change together. */
interface Parameter {
  readonly places: readonly [PlaceInStep, ...PlaceInStep[]];
}

/** A cost line in the varying parameters alone: constant + Σ factor · value. */
export interface SetLine {
  readonly constant: number;
  readonly factors: Float64Array;
}

/** Sums of weights are rounded: a quantile is reached this much earlier, relative. */
const rounding = 1e-9;

/**
 * States of the world with weights, as vectors of what varies: 1 ÷ bandwidth of links and slow-downs
 * of devices. In these every cost line is linear, and none of its factors is negative.
 */
export class StateSet {
  /** Sums to 1. */
  readonly weights: Float64Array;
  readonly parameters: readonly Parameter[];
  /** Shape [states, parameters], row by row. */
  readonly values: Float64Array;
  /** The weighted mean of all states: of 1 ÷ bandwidth, not of bandwidth. */
  readonly means: Float64Array;
  readonly #always: State;

  /** @param states at least one, of the topology; equal ones are merged */
  constructor(topology: Topology, states: readonly WeightedState[]) {
    const merged = merge(states);
    const total = merged.reduce((sum, { weightSeconds }) => sum + weightSeconds, 0);
    this.weights = Float64Array.from(merged, ({ weightSeconds }) => weightSeconds / total);
    const [first] = merged;
    this.#always = first?.state ?? nominalState(topology);
    this.parameters = findParameters(
      topology,
      merged.map(({ state }) => state),
    );
    this.values = Float64Array.from(
      merged.flatMap(({ state }) => this.parameters.map(({ places }) => valueIn(state, places[0]))),
    );
    this.means = this.meanOf(this.weights.keys());
  }

  get size(): number {
    return this.weights.length;
  }

  get width(): number {
    return this.parameters.length;
  }

  value(state: number, parameter: number): number {
    return this.values[state * this.parameters.length + parameter] as number;
  }

  vector(state: number): Float64Array {
    const { length } = this.parameters;
    return this.values.subarray(state * length, (state + 1) * length);
  }

  /** The weighted mean of some states. */
  meanOf(states: Iterable<number>): Float64Array {
    const sums = new Float64Array(this.parameters.length);
    let total = 0;
    for (const state of states) {
      const weight = this.weights[state] as number;
      total += weight;
      this.vector(state).forEach((value, parameter) => {
        sums[parameter] = (sums[parameter] as number) + weight * value;
      });
    }
    return sums.map((sum) => sum / total);
  }

  /** What people mean by the mean: of the bandwidths themselves. */
  meanOfBandwidths(): Float64Array {
    return Float64Array.from(this.parameters, ({ places: [{ type }] }, parameter) => {
      let sum = 0;
      this.weights.forEach((weight, state) => {
        const value = this.value(state, parameter);
        sum += weight * (type === "link" ? 1 / value : value);
      });
      return type === "link" ? 1 / sum : sum;
    });
  }

  /** The state in which every parameter is at its own quantile. */
  quantiles(quantile: number): Float64Array {
    return Float64Array.from(this.parameters, (_, parameter) =>
      this.quantile(
        Float64Array.from(this.weights, (_, state) => this.value(state, parameter)),
        quantile,
      ),
    );
  }

  stateOf(vector: Float64Array): State {
    const bandwidthBitsPerSecond = [...this.#always.bandwidthBitsPerSecond];
    const slowDown = [...this.#always.slowDown];
    this.parameters.forEach(({ places }, parameter) => {
      for (const { type, position, times } of places) {
        const value = times * (vector[parameter] as number);
        if (type === "link") bandwidthBitsPerSecond[position] = 1 / value;
        else slowDown[position] = value;
      }
    });
    return { bandwidthBitsPerSecond, slowDown };
  }

  /** A cost line with what does not vary summed up. */
  reduce({ constant, perLink, perDevice }: CostLine): SetLine {
    const links = [...perLink];
    const devices = [...perDevice];
    const factors = Float64Array.from(this.parameters, ({ places }) =>
      places.reduce((sum, { type, position, times }) => {
        const list = type === "link" ? links : devices;
        const factor = list[position] as number;
        list[position] = 0;
        return sum + times * factor;
      }, 0),
    );
    return {
      constant: costAt({ constant, perLink: links, perDevice: devices }, this.#always),
      factors,
    };
  }

  /** What a line costs in each state. */
  costs(line: SetLine): Float64Array {
    return Float64Array.from(this.weights, (_, state) => costOf(line, this.vector(state)));
  }

  average(costs: Float64Array): number {
    return costs.reduce((sum, cost, state) => sum + cost * (this.weights[state] as number), 0);
  }

  /** The smallest value that, with all smaller ones, has at least this weight. O(n log n) time. */
  quantile(costs: Float64Array, quantile: number): number {
    return costs[this.stateAtQuantile(costs, quantile)] as number;
  }

  /** A state whose cost is the quantile. */
  stateAtQuantile(costs: Float64Array, quantile: number): number {
    const order = this.order(costs);
    let sum = 0;
    for (const state of order) {
      sum += this.weights[state] as number;
      if (sum >= quantile * (1 - rounding)) return state;
    }
    return order.at(-1) as number;
  }

  /** The states by ascending cost. */
  order(costs: Float64Array): Uint32Array {
    return Uint32Array.from(costs.keys()).sort(
      (a, b) => (costs[a] as number) - (costs[b] as number) || a - b,
    );
  }
}

/** What a line costs where the varying parameters have these values. */
export function costOf({ constant, factors }: SetLine, vector: Float64Array): number {
  let cost = constant;
  for (let at = 0; at < factors.length; at++) {
    cost += (factors[at] as number) * (vector[at] as number);
  }
  return cost;
}

/** Values whose ratio differs by less, relative, change together. */
const inStep = 1e-12;

/** What varies; one parameter for all that is in step. O(parameters · (links + devices) · states) time. */
function findParameters(topology: Topology, states: readonly State[]): Parameter[] {
  const places = [
    ...topology.links.map((_, position): Place => ({ type: "link", position })),
    ...topology.devices.map((_, position): Place => ({ type: "device", position })),
  ];
  const found: [PlaceInStep, ...PlaceInStep[]][] = [];
  for (const place of places) {
    const [first] = states;
    if (first === undefined) continue;
    const start = valueIn(first, place);
    if (states.every((state) => valueIn(state, place) === start)) continue;
    const known = found.find(([{ type, position }]) => {
      if (type !== place.type) return false;
      const ratio = start / valueIn(first, { type, position });
      return states.every((state) => {
        const value = ratio * valueIn(state, { type, position });
        return Math.abs(valueIn(state, place) - value) <= inStep * value;
      });
    });
    if (known === undefined) found.push([{ ...place, times: 1 }]);
    else known.push({ ...place, times: start / valueIn(first, known[0]) });
  }
  return found.map((members) => ({ places: members }));
}

function valueIn({ bandwidthBitsPerSecond, slowDown }: State, { type, position }: Place): number {
  return type === "link"
    ? 1 / (bandwidthBitsPerSecond[position] as number)
    : (slowDown[position] as number);
}

function merge(states: readonly WeightedState[]): WeightedState[] {
  const merged = new Map<string, WeightedState>();
  for (const { state, weightSeconds } of states) {
    const key = JSON.stringify(state);
    const before = merged.get(key)?.weightSeconds ?? 0;
    merged.set(key, { state, weightSeconds: before + weightSeconds });
  }
  return [...merged.values()];
}
