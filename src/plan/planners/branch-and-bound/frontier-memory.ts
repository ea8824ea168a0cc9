import type { SearchSpace } from "../../search-space.ts";
import type { FrontierStep } from "./frontier.ts";

/** Where a label's numbers stand: its uses of `resources` first, then its memory. */
export interface LabelLoad {
  readonly load: Float64Array;
  readonly at: number;
  readonly resources: number;
}

/** A tensor that a device has not touched yet. */
const untouched = -1;

/**
 * The memory of partial placements, exactly as a whole placement's.
 *
 * Of each device with a cap: the most bytes alive at any of its nodes so far; and of each tensor of
 * the frontier that it has touched, the most bytes alive at its nodes since it last used that
 * tensor. When the device reads the tensor again, the tensor was alive at all of those nodes: its
 * bytes come on top of that most, and of those of every other tensor as far as the times overlap.
 * Times since a last use are nested, so that the one with the larger most is the longer. More is
 * never better, whatever follows, so that labels may be compared number by number.
 */
export class FrontierMemory {
  /** The devices with a cap, and the position of each among them. */
  readonly #capped: readonly number[];
  readonly #column: readonly number[];
  readonly #room: readonly number[];
  /** The resource that stands for a capped device's parameters, and its unit. */
  readonly #parameters: readonly { readonly resource: number; readonly unit: number }[];
  readonly #own: Float64Array;
  readonly #bytes: Float64Array;
  #alive: Float64Array = new Float64Array(0);
  #after = 0;

  constructor(space: SearchSpace) {
    const { problem, resources } = space;
    const { graph, nodeInputs, nodeOutputs } = problem.index;
    this.#capped = problem.devices.flatMap(({ memoryBytes }, device) =>
      memoryBytes === null ? [] : [device],
    );
    this.#column = problem.devices.map((_, device) => this.#capped.indexOf(device));
    this.#room = this.#capped.map(
      (device) =>
        (problem.devices[device]?.memoryBytes as number) -
        (problem.kinds[device]?.overheadBytes ?? 0),
    );
    this.#parameters = this.#capped.map((device) => {
      const resource = resources.findIndex(({ memoryOf }) => memoryOf === device);
      return { resource, unit: resources[resource]?.unit ?? 1 };
    });
    this.#bytes = Float64Array.from(graph.tensors, ({ bytes }) => bytes);
    this.#own = Float64Array.from(graph.nodes, (_, node) =>
      [...(nodeInputs[node] ?? []), ...(nodeOutputs[node] ?? [])].reduce(
        (sum, tensor) => sum + (this.#bytes[tensor] as number),
        0,
      ),
    );
  }

  /** Numbers that a label needs with so many slots in the frontier. */
  stride(slots: number): number {
    return this.#capped.length * (1 + slots);
  }

  get strideAfter(): number {
    return this.stride(this.#after);
  }

  start(load: Float64Array, resources: number, slots: number): void {
    load.fill(untouched, resources + this.#capped.length, resources + this.stride(slots));
  }

  prepare({ tensors, origin }: FrontierStep): void {
    this.#after = origin.length;
    this.#alive = new Float64Array(Math.max(tensors.length, this.#after));
  }

  /** Writes the memory behind a node's placement; `false` if the device has too little. */
  place(step: FrontierStep, device: number, before: LabelLoad, after: LabelLoad): boolean {
    const capped = this.#capped.length;
    const start = before.at + before.resources;
    const end = after.at + after.resources;
    const column = this.#column[device] as number;
    for (let at = 0; at < capped; at++) after.load[end + at] = before.load[start + at] as number;
    if (column >= 0 && !this.#run(step, column, before, after)) return false;
    const { origin, made } = step;
    for (let slot = 0; slot < origin.length; slot++) {
      const from = origin[slot] as number;
      const target = end + capped * (1 + slot);
      for (let at = 0; at < capped; at++) {
        after.load[target + at] = this.#since(step, from, at, column, start, before.load);
      }
      if (from < 0 && column >= 0 && (made[slot] as number) >= 0) after.load[target + column] = 0;
    }
    return true;
  }

  #since(
    { tensors }: FrontierStep,
    slot: number,
    at: number,
    column: number,
    start: number,
    load: Float64Array,
  ): number {
    if (slot < 0 || slot >= tensors.length) return untouched;
    if (at === column) return this.#alive[slot] as number;
    return load[start + this.#capped.length * (1 + slot) + at] as number;
  }

  /** Counts the node's tensors on its device. */
  #run(step: FrontierStep, column: number, before: LabelLoad, after: LabelLoad): boolean {
    const { node, tensors, reads } = step;
    const capped = this.#capped.length;
    const start = before.at + before.resources;
    const alive = this.#alive;
    for (let slot = 0; slot < tensors.length; slot++) {
      alive[slot] = before.load[start + capped * (1 + slot) + column] as number;
    }
    let peak = before.load[start + column] as number;
    for (const read of reads) {
      const since = alive[read] as number;
      if (since === untouched) continue;
      const bytes = this.#bytes[tensors[read] as number] as number;
      peak = Math.max(peak, since + bytes);
      for (let slot = 0; slot < tensors.length; slot++) {
        const most = alive[slot] as number;
        if (most === untouched) continue;
        alive[slot] = most <= since ? most + bytes : Math.max(most, since + bytes);
      }
    }
    const own = this.#own[node] as number;
    for (let slot = 0; slot < tensors.length; slot++) {
      if (alive[slot] !== untouched) alive[slot] = Math.max(alive[slot] as number, own);
    }
    for (const read of reads) alive[read] = 0;
    peak = Math.max(peak, own);
    after.load[after.at + after.resources + column] = peak;
    const { resource, unit } = this.#parameters[column] as { resource: number; unit: number };
    const parameters = (after.load[after.at + resource] as number) * unit;
    return parameters + peak <= (this.#room[column] as number) * (1 + 1e-12);
  }
}
