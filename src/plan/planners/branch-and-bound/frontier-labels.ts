import type { Placement } from "../../problem.ts";
import type { SearchSpace } from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import type { FrontierStep } from "./frontier.ts";
import { FrontierMemory } from "./frontier-memory.ts";
import type { Completion, PricedFrontier } from "./frontier-prices.ts";

/** What a sweep found out. */
export interface Sweep {
  /** Nothing that the sweep left out is below this. */
  readonly bound: number;
  /** Whether it left nothing out but for good reasons. */
  readonly isComplete: boolean;
}

/** Labels of one state that a new one is compared with. */
const comparisons = 60;
const labelsPerYield = 1000;
const labelsPerCheck = 100;

/**
 * Goes through the layers with the best partial placements of each, up to a width, and challenges
 * the champion with those that reach the end.
 *
 * A label is a partial placement: what it costs and what it uses of every resource and memory. It is
 * dropped if even the cheapest way on costs too much, if it breaks a capacity, or if another label of
 * the same state costs and uses no more: whatever goes on from the one goes on from the other at no
 * higher cost. What is left out for lack of room is counted in the bound. O(layers · width ·
 * (devices + comparisons) · (resources + memories)) time.
 */
export function* sweepFrontier(
  space: SearchSpace,
  priced: PricedFrontier,
  champion: Champion,
  width: number,
): Generator<null, Sweep> {
  const { graph } = priced;
  const { firstState, steps } = graph;
  const trail = new Trail(steps.length);
  const expansion = new Expansion(space, priced);
  let labels = expansion.start();
  let bound = Number.POSITIVE_INFINITY;
  for (const [layer, step] of steps.entries()) {
    const next = expansion.open(step);
    for (let label = 0; label < labels.count; label++) {
      expansion.expand(labels, label, step, next, champion.cutoff);
      if (label % labelsPerYield === 0) yield null;
    }
    const first = firstState[layer + 1] as number;
    const survivors = yield* undominated(next, first, firstState[layer + 2] as number);
    const chosen = survivors.length <= width ? survivors : next.cheapest(survivors, width);
    if (chosen !== survivors) bound = Math.min(bound, next.leastOf(survivors, chosen));
    labels = next.select(chosen);
    trail.add(labels);
  }
  const isComplete = bound === Number.POSITIVE_INFINITY;
  for (const label of labels.byCost()) {
    if ((labels.cost[label] as number) >= champion.cutoff) break;
    champion.challenge(trail.placement(label), space);
    // What the sums allow, `evaluate` may still refuse, by a rounding.
    bound = Math.min(bound, labels.cost[label] as number);
  }
  return { bound, isComplete };
}

/** The labels of a layer that no other of their state beats, by state. */
function* undominated(labels: Labels, first: number, end: number): Generator<null, number[]> {
  const survivors: number[] = [];
  let checked = 0;
  for (const own of labels.byState(first, end - first)) {
    const kept = survivors.length;
    for (let from = 0; from < own.length; from += labelsPerCheck) {
      keepUndominated(labels, own.slice(from, from + labelsPerCheck), survivors, kept);
      checked += Math.min(labelsPerCheck, own.length - from);
      if (checked % labelsPerYield < labelsPerCheck) yield null;
    }
  }
  return survivors;
}

function keepUndominated(
  labels: Labels,
  own: readonly number[],
  survivors: number[],
  first: number,
): void {
  for (const label of own) {
    let isDominated = false;
    const end = Math.min(survivors.length, first + comparisons);
    for (let at = first; at < end && !isDominated; at++) {
      isDominated = labels.dominates(survivors[at] as number, label);
    }
    if (!isDominated) survivors.push(label);
  }
}

/** Labels of one layer, in columns that grow. */
class Labels {
  readonly stride: number;
  count = 0;
  state: Int32Array = new Int32Array(256);
  cost: Float64Array = new Float64Array(256);
  /** The bound of everything that goes on from the label. */
  least: Float64Array = new Float64Array(256);
  parent: Int32Array = new Int32Array(256);
  device: Uint8Array = new Uint8Array(256);
  /** Shape [labels, stride]: uses of the resources, then memory. */
  load: Float64Array;

  constructor(stride: number) {
    this.stride = stride;
    this.load = new Float64Array(256 * stride);
  }

  /** Room for one more; its load is to be written at `count · stride`. */
  reserve(): void {
    if (this.count < this.state.length) return;
    const size = 2 * this.count;
    const { state, cost, least, parent, device, load } = this;
    this.state = new Int32Array(size);
    this.state.set(state);
    this.cost = new Float64Array(size);
    this.cost.set(cost);
    this.least = new Float64Array(size);
    this.least.set(least);
    this.parent = new Int32Array(size);
    this.parent.set(parent);
    this.device = new Uint8Array(size);
    this.device.set(device);
    this.load = new Float64Array(size * this.stride);
    this.load.set(load);
  }

  /** Whether what goes on from `a` is never worse than what goes on from `b`. */
  dominates(a: number, b: number): boolean {
    if ((this.cost[a] as number) > (this.cost[b] as number)) return false;
    const { load, stride } = this;
    for (let at = 0; at < stride; at++) {
      if ((load[a * stride + at] as number) > (load[b * stride + at] as number)) return false;
    }
    return true;
  }

  /** The labels of each state, the most promising first. */
  byState(first: number, states: number): number[][] {
    const sorted: number[][] = Array.from({ length: states }, () => []);
    for (let label = 0; label < this.count; label++) {
      sorted[(this.state[label] as number) - first]?.push(label);
    }
    const { least, cost } = this;
    for (const own of sorted) {
      own.sort(
        (a, b) =>
          (least[a] as number) - (least[b] as number) ||
          (cost[a] as number) - (cost[b] as number) ||
          a - b,
      );
    }
    return sorted;
  }

  byCost(): number[] {
    const { cost } = this;
    return Array.from({ length: this.count }, (_, label) => label).sort(
      (a, b) => (cost[a] as number) - (cost[b] as number) || a - b,
    );
  }

  cheapest(labels: readonly number[], most: number): number[] {
    const sorted = Float64Array.from(labels, (label) => this.least[label] as number).sort();
    const limit = sorted[most] as number;
    const below = labels.filter((label) => (this.least[label] as number) < limit);
    const equal = labels.filter((label) => this.least[label] === limit);
    return [...below, ...equal.slice(0, most - below.length)];
  }

  /** The least bound of the labels that were not chosen. */
  leastOf(labels: readonly number[], chosen: readonly number[]): number {
    const kept = new Set(chosen);
    return labels.reduce(
      (least, label) => (kept.has(label) ? least : Math.min(least, this.least[label] as number)),
      Number.POSITIVE_INFINITY,
    );
  }

  select(chosen: readonly number[]): Labels {
    const selected = new Labels(this.stride);
    const { stride } = this;
    selected.count = chosen.length;
    selected.state = Int32Array.from(chosen, (label) => this.state[label] as number);
    selected.cost = Float64Array.from(chosen, (label) => this.cost[label] as number);
    selected.least = Float64Array.from(chosen, (label) => this.least[label] as number);
    selected.parent = Int32Array.from(chosen, (label) => this.parent[label] as number);
    selected.device = Uint8Array.from(chosen, (label) => this.device[label] as number);
    selected.load = new Float64Array(chosen.length * stride);
    chosen.forEach((label, at) => {
      selected.load.set(this.load.subarray(label * stride, (label + 1) * stride), at * stride);
    });
    return selected;
  }
}

/** How the labels of each layer came about. */
class Trail {
  readonly #layers: { readonly parent: Int32Array; readonly device: Uint8Array }[] = [];
  readonly #nodes: number;

  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  add({ parent, device }: Labels): void {
    this.#layers.push({ parent, device });
  }

  placement(label: number): Placement {
    const placement: number[] = new Array(this.#nodes);
    let at = label;
    for (let node = this.#nodes - 1; node >= 0; node--) {
      const layer = this.#layers[node];
      placement[node] = layer?.device[at] as number;
      at = layer?.parent[at] as number;
    }
    return placement;
  }
}

/** The way from the labels of one layer to those of the next. */
class Expansion {
  readonly #priced: PricedFrontier;
  readonly #capacities: Float64Array;
  readonly #memory: FrontierMemory;
  /** The arcs out of state s are `#first[s]` to `#first[s + 1] - 1`. */
  readonly #first: Int32Array;
  readonly #resources: number;

  constructor(space: SearchSpace, priced: PricedFrontier) {
    this.#priced = priced;
    this.#resources = space.resources.length;
    this.#capacities = Float64Array.from(space.resources, ({ capacity }) => capacity * (1 + 1e-12));
    this.#memory = new FrontierMemory(space);
    const { arcs, firstState } = priced.graph;
    this.#first = new Int32Array((firstState.at(-1) as number) + 1);
    for (let arc = 0; arc < arcs.count; arc++) {
      const slot = (arcs.from[arc] as number) + 1;
      this.#first[slot] = (this.#first[slot] as number) + 1;
    }
    for (let state = 1; state < this.#first.length; state++) {
      this.#first[state] = (this.#first[state] as number) + (this.#first[state - 1] as number);
    }
  }

  start(): Labels {
    const slots = this.#priced.graph.steps[0]?.tensors.length ?? 0;
    const labels = new Labels(this.#resources + this.#memory.stride(slots));
    this.#memory.start(labels.load, this.#resources, slots);
    labels.count = 1;
    return labels;
  }

  /** Empty labels behind a step. */
  open(step: FrontierStep): Labels {
    this.#memory.prepare(step);
    return new Labels(this.#resources + this.#memory.strideAfter);
  }

  expand(labels: Labels, label: number, step: FrontierStep, next: Labels, cutoff: number): void {
    const { arcs } = this.#priced.graph;
    const state = labels.state[label] as number;
    const end = this.#first[state + 1] as number;
    for (let arc = this.#first[state] as number; arc < end; arc++) {
      const cost = (labels.cost[label] as number) + (arcs.cost[arc] as number);
      const to = arcs.to[arc] as number;
      next.reserve();
      const at = next.count * next.stride;
      if (!this.#use(labels, label, arc, to, next.load, at)) continue;
      const least = this.#leastFrom(cost, next.load, at, to);
      if (!(least < cutoff)) continue;
      const device = arcs.device[arc] as number;
      const before = label * labels.stride;
      const fits = this.#memory.place(
        step,
        device,
        { load: labels.load, at: before, resources: this.#resources },
        { load: next.load, at, resources: this.#resources },
      );
      if (!fits) continue;
      next.state[next.count] = to;
      next.cost[next.count] = cost;
      next.least[next.count] = least;
      next.parent[next.count] = label;
      next.device[next.count] = device;
      next.count++;
    }
  }

  /** Adds an arc's uses; `false` if a capacity would be broken. */
  #use(
    labels: Labels,
    label: number,
    arc: number,
    to: number,
    load: Float64Array,
    at: number,
  ): boolean {
    const { use } = this.#priced.graph.arcs;
    const width = this.#resources;
    for (let resource = 0; resource < width; resource++) {
      const used =
        (labels.load[label * labels.stride + resource] as number) +
        (use[arc * width + resource] as number);
      const ahead = this.#priced.leastUse[resource]?.[to] as number;
      if (used + ahead > (this.#capacities[resource] as number)) return false;
      load[at + resource] = used;
    }
    return true;
  }

  #leastFrom(cost: number, load: Float64Array, at: number, to: number): number {
    let least = Number.NEGATIVE_INFINITY;
    for (const completion of this.#priced.completions) {
      least = Math.max(least, boundBy(completion, cost, load, at, to));
    }
    return least;
  }
}

function boundBy(
  { prices, paid, costs }: Completion,
  cost: number,
  load: Float64Array,
  at: number,
  to: number,
): number {
  let total = cost + (costs[to] as number);
  for (let resource = 0; resource < prices.length; resource++) {
    total += (prices[resource] as number) * (load[at + resource] as number);
  }
  return total - paid - (paid === 0 ? 0 : 1e-12 * (total + paid));
}
