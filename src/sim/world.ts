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
  readonly #problem: Problem;
  readonly #line: Line;
  readonly #changes: readonly TraceChange[];
  readonly #losses: readonly Loss[];
  readonly #stepsOfDevice: readonly (readonly number[])[];
  readonly #stepsOfLink: readonly (readonly number[])[];
  readonly #touching: readonly (readonly number[])[];
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
    this.#changes = trace?.changes ?? [];
    this.#losses = losses.toSorted((a, b) => a.seconds - b.seconds);
    const ends = ({ link }: Step) => problem.hops.links[link];
    this.#stepsOfDevice = problem.devices.map((_, device) =>
      positions(steps, (step) => workerOf(step, ends(step)) === device),
    );
    this.#stepsOfLink = problem.hops.links.map((_, link) =>
      positions(steps, (step) => step.type === "wire" && step.link === link),
    );
    this.#touching = problem.devices.map((_, device) =>
      positions(steps, (step) => {
        const hop = ends(step);
        if (hop === undefined) return step.device === device;
        return hop.from === device || hop.to === device;
      }),
    );
  }

  /** When something happens next; `Infinity`: nothing does. */
  next(): number {
    return Math.min(
      this.#changes[this.#change]?.seconds ?? Number.POSITIVE_INFINITY,
      this.#losses[this.#loss]?.seconds ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Everything that happens at this time. */
  change(now: number): void {
    for (; this.#changes[this.#change]?.seconds === now; this.#change++) {
      this.#stretch(this.#changes[this.#change] as TraceChange, now);
    }
    for (; this.#losses[this.#loss]?.seconds === now; this.#loss++) {
      this.#lose((this.#losses[this.#loss] as Loss).device, now);
    }
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
      for (const step of this.#stepsOfDevice[change.device] ?? []) {
        this.#line.stretch(step, change.slowDown, now);
      }
      return;
    }
    const stated = this.#problem.topology.links[change.link]?.bandwidthBitsPerSecond as number;
    for (const step of this.#stepsOfLink[change.link] ?? []) {
      this.#line.stretch(step, stated / change.bandwidthBitsPerSecond, now);
    }
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

/** The device whose own work a step is. */
function workerOf(
  { type, device }: Step,
  hop: { readonly from: number; readonly to: number } | undefined,
): number {
  if (type === "compute") return device;
  if (type === "send") return hop?.from ?? -1;
  return type === "receive" ? (hop?.to ?? -1) : -1;
}

function positions(steps: readonly Step[], holds: (step: Step) => boolean): number[] {
  return steps.flatMap((step, position) => (holds(step) ? [position] : []));
}
