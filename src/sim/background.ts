import type { Line } from "./line.ts";
import type { World } from "./world.ts";

/** Less is nothing: the clock of a long run does not see it. */
const leastSeconds = 1e-9;
/** Of two that want a device each has half of it. */
const sharing = 2;

/**
 * What devices do beside requests, such as loading parts: it has half of a device that computes, and
 * all of one that does not.
 */
export class Background {
  readonly #line: Line;
  readonly #world: World;
  /** By device: seconds of work that are left. */
  readonly #left: number[];
  /** Which part of each device it has had since `#since`. */
  readonly #share: number[];
  #since = 0;

  constructor(devices: number, line: Line, world: World) {
    this.#line = line;
    this.#world = world;
    this.#left = Array.from({ length: devices }, () => 0);
    this.#share = this.#left.map(() => 1);
  }

  get isEmpty(): boolean {
    return this.#left.every((left) => left === 0);
  }

  /** When something will have been done if nothing changes; `Infinity`: there is nothing to do. */
  get next(): number {
    return this.#left.reduce(
      (next, left, device) =>
        left === 0 ? next : Math.min(next, this.#since + left / (this.#share[device] as number)),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Gives devices more to do; call `pass` for this time before. */
  add(seconds: readonly number[], now: number): void {
    seconds.forEach((more, device) => {
      if (more <= 0) return;
      this.#left[device] = (this.#left[device] as number) + more;
      this.#world.burden(device, sharing, now);
    });
  }

  /** Nobody wants any of it any more. */
  clear(now: number): void {
    this.#left.forEach((_, device) => {
      this.#end(device, now);
    });
  }

  /** Time has passed in which devices did what `share` found. */
  pass(now: number): void {
    const passed = now - this.#since;
    this.#since = now;
    this.#left.forEach((left, device) => {
      if (left === 0) return;
      const rest = left - passed * (this.#share[device] as number);
      if (rest > leastSeconds) this.#left[device] = rest;
      else this.#end(device, now);
    });
  }

  /** Looks at which devices compute from now on. */
  share(): void {
    if (this.isEmpty) return;
    this.#share.fill(1);
    this.#line.forEachTaken((server) => {
      if (server < this.#share.length) this.#share[server] = 1 / sharing;
    });
  }

  #end(device: number, now: number): void {
    this.#left[device] = 0;
    this.#world.burden(device, 1, now);
  }
}
