import type { Observation } from "../control/observation.ts";
import type { Problem } from "../plan/problem.ts";
import type { Line } from "./line.ts";
import { quantiles } from "./quantiles.ts";
import type { Step } from "./steps.ts";

/** When so much of a transfer has passed, its receiver can tell how fast it comes in. */
const leastSeenSeconds = 0.1;

/** Sees of a simulated world what a cluster sees of a real one: how long stages and transfers took. */
export class Watcher {
  readonly #problem: Problem;
  readonly #line: Line;
  /** By device: how many times longer stages took than predicted. */
  readonly #devices: number[][];
  /** By device: seconds in which it computed since the last look. */
  readonly #busy: number[];
  /** By link: bits per second of transfers. */
  readonly #links: number[][];
  #probes: { readonly link: number; readonly bitsPerSecond: number; readonly end: number }[] = [];

  constructor(problem: Problem, line: Line) {
    this.#problem = problem;
    this.#line = line;
    this.#devices = problem.devices.map(() => []);
    this.#busy = problem.devices.map(() => 0);
    this.#links = problem.hops.links.map(() => []);
  }

  /** A step has let a device or a link go. */
  release(step: number, start: number, end: number): void {
    const { type, seconds, device, link } = this.#line.steps[step] as Step;
    if (type === "compute") {
      this.#devices[device]?.push((end - start) / seconds);
      this.#busy[device] = (this.#busy[device] ?? 0) + end - start;
    }
    if (type === "wire") this.#links[link]?.push(this.#rateOf(link, seconds, end - start));
  }

  /** A probe was sent, and will have come back by then. */
  probe(link: number, bitsPerSecond: number, end: number): void {
    this.#probes.push({ link, bitsPerSecond, end });
  }

  /** What has been seen since the last look. */
  look(now: number): Observation {
    const back = this.#probes.filter(({ end }) => end <= now);
    for (const { link, bitsPerSecond } of back) this.#links[link]?.push(bitsPerSecond);
    this.#probes = this.#probes.filter(({ end }) => end > now);
    const bounds: Observation["bounds"][number][] = [];
    this.#line.forEachTaken((_, step, since) => {
      const { type, seconds, link } = this.#line.steps[step] as Step;
      if (type !== "wire" || since >= now) return;
      const bound = { link, bitsPerSecond: this.#rateOf(link, seconds, now - since) };
      const rate = this.#rateOf(link, 1, this.#line.stretchOf(step));
      bounds.push(now - since < leastSeenSeconds ? bound : { ...bound, seenBitsPerSecond: rate });
    });
    return {
      devices: take(this.#devices).map(({ position, median, count }) => ({
        ...{ device: position, slowDown: median, count },
        busySeconds: this.#takeBusy(position),
      })),
      links: take(this.#links).map(({ position, median, count }) => ({
        ...{ link: position, bitsPerSecond: median, count },
      })),
      bounds,
      probing: this.#probes.map(({ link }) => link),
    };
  }

  #takeBusy(device: number): number {
    const busy = this.#busy[device] ?? 0;
    this.#busy[device] = 0;
    return busy;
  }

  #rateOf(link: number, stated: number, seconds: number): number {
    const { links } = this.#problem.topology;
    return ((links[link]?.bandwidthBitsPerSecond as number) * stated) / seconds;
  }
}

function take(lists: number[][]): { position: number; median: number; count: number }[] {
  return lists.flatMap((list, position) => {
    const [median] = quantiles(Float64Array.from(list), [0.5]);
    const count = list.length;
    list.length = 0;
    return median === null || median === undefined ? [] : [{ position, median, count }];
  });
}
