import type { Trace, TraceChange } from "../cost/trace.ts";
import type { Problem } from "../plan/problem.ts";
import type { Line } from "./line.ts";
import type { Step } from "./steps.ts";

/** A device that stops for ever. */
export interface Loss {
  /** Position in the topology. */
  readonly device: number;
  readonly seconds: number;
}

/** What happens to the machines while requests are on their way. */
export class World {
  /** Whether requests can still enter: the source is there. */
  isOpen = true;
  /** When something happens next; `Infinity`: nothing does. */
  next: number;
  readonly #problem: Problem;
  readonly #line: Line;
  /** By device: how slow it is, and what comes of it by what it does beside. */
  readonly #slowDown: number[];
  readonly #burden: number[];
  readonly #changes: readonly TraceChange[];
  readonly #losses: readonly Loss[];
  /** What a device itself works on. */
  readonly #stepsOfDevice: readonly number[][];
  /** What the wire of a link carries. */
  readonly #stepsOfLink: readonly number[][];
  /** What cannot go on without a device. */
  readonly #touching: readonly number[][];
  /** Requests, from the first to before the second, that went down with a device. */
  readonly #sunk: (readonly [number, number])[] = [];
  #change = 0;
  #loss = 0;

  constructor(
    problem: Problem,
    steps: readonly Step[],
    line: Line,
    trace: Trace | undefined,
    losses: readonly Loss[],
  ) {
    this.#problem = problem;
    this.#line = line;
    this.#slowDown = problem.devices.map(() => 1);
    this.#burden = problem.devices.map(() => 1);
    this.#changes = trace?.changes ?? [];
    this.#losses = losses.toSorted((a, b) => a.seconds - b.seconds);
    this.next = this.#findNext();
    this.#stepsOfDevice = problem.devices.map(() => []);
    this.#stepsOfLink = problem.hops.links.map(() => []);
    this.#touching = problem.devices.map(() => []);
    steps.forEach((step, position) => {
      const ends = problem.hops.links[step.link] ?? { from: step.device, to: step.device };
      for (const device of new Set([ends.from, ends.to])) this.#touching[device]?.push(position);
      if (step.type === "wire") this.#stepsOfLink[step.link]?.push(position);
      if (step.type === "wire" || step.type === "latency") return;
      this.#stepsOfDevice[step.type === "send" ? ends.from : ends.to]?.push(position);
    });
  }

  /** Everything that happens at this time. */
  change(now: number): void {
    for (; this.#changes[this.#change]?.seconds === now; this.#change++) {
      this.#stretch(this.#changes[this.#change] as TraceChange, now);
    }
    for (; this.#losses[this.#loss]?.seconds === now; this.#loss++) {
      this.#lose((this.#losses[this.#loss] as Loss).device, now);
    }
    this.next = this.#findNext();
  }

  /** From now on everything takes a device so many times as long, for it does something else, too. */
  burden(device: number, times: number, now: number): void {
    if (this.#burden[device] === times) return;
    this.#burden[device] = times;
    this.#slow(device, now);
  }

  #findNext(): number {
    return Math.min(
      this.#changes[this.#change]?.seconds ?? Number.POSITIVE_INFINITY,
      this.#losses[this.#loss]?.seconds ?? Number.POSITIVE_INFINITY,
    );
  }

  /** How many requests, from the first to before the second, were with a device when it was lost. */
  lost(from: number, to: number): number {
    let lost = 0;
    let counted = from;
    for (const [first, end] of this.#sunk.toSorted((a, b) => a[0] - b[0])) {
      lost += Math.max(0, Math.min(end, to) - Math.max(first, counted));
      counted = Math.max(counted, end);
    }
    return lost;
  }

  #stretch(change: TraceChange, now: number): void {
    if ("device" in change) {
      this.#slowDown[change.device] = change.slowDown;
      this.#slow(change.device, now);
      return;
    }
    const stated = this.#problem.topology.links[change.link]?.bandwidthBitsPerSecond as number;
    for (const step of this.#stepsOfLink[change.link] ?? []) {
      this.#line.stretch(step, stated / change.bandwidthBitsPerSecond, now);
    }
  }

  #slow(device: number, now: number): void {
    const factor = (this.#slowDown[device] as number) * (this.#burden[device] as number);
    for (const step of this.#stepsOfDevice[device] ?? []) this.#line.stretch(step, factor, now);
  }

  #lose(device: number, now: number): void {
    const steps = this.#touching[device] ?? [];
    const isSource = device === this.#problem.source;
    if (isSource) this.isOpen = false;
    if (steps.length === 0) return;
    const [first, end] = this.#line.within(steps);
    this.#sunk.push([first, isSource ? this.#line.entered : end]);
    this.#line.kill(steps, device, now);
  }
}
