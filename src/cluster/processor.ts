import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { waitUntil } from "../transport/pacer.ts";

/** Something that takes the whole device for a while. */
export interface Turn {
  readonly request: number;
  /** Among the turns of one request: the lower one first. */
  readonly position: number;
  /** Asked when it is about to begin: if not, it never does. */
  isWanted(): boolean;
  /**
   * Never rejects.
   *
   * @returns what is to be done as soon as the next turn has begun, which else would wait for it
   */
  run(): Promise<() => void>;
}

/**
 * The processor of a device, for all generations of a model: one turn at a time, the oldest request
 * first, so that what was begun leaves. It is as slow as it is told to be: what took some seconds here
 * takes 1 ÷ speed as long there, one thing after the other. At speed 1 and above everything takes what
 * it takes.
 */
export class Processor {
  readonly #core: Core;

  constructor(clock: Clock, speed = 1, core: Core = new Core(clock, speed)) {
    this.#core = core;
  }

  /** The same processor for another model: the two have turns by turns. */
  sibling(): Processor {
    const { clock, speed } = this.#core;
    return new Processor(clock, speed, this.#core);
  }

  /** From now on, for all models. */
  setSpeed(speed: number): void {
    this.#core.speed = speed;
  }

  /** Begins at once if nothing else runs. */
  enqueue(turn: Turn): void {
    this.#core.enqueue(this, turn);
  }

  /**
   * Waits until the slower device would have done what this one has done.
   *
   * @param sinceSeconds when it could have begun
   * @param tookSeconds on this machine
   */
  async occupy(sinceSeconds: number, tookSeconds: number): Promise<void> {
    await this.#core.occupy(sinceSeconds, tookSeconds);
  }
}

/** What the processors of all models share. */
class Core {
  readonly clock: Clock;
  speed: number;
  /** By model; the one that has waited longest for a turn first. Request numbers are each model's own. */
  readonly #waiting = new Map<Processor, readonly Turn[]>();
  #isBusy = false;
  #freeAtSeconds = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, speed: number) {
    this.clock = clock;
    this.speed = speed;
  }

  enqueue(model: Processor, turn: Turn): void {
    this.#waiting.set(model, [...(this.#waiting.get(model) ?? []), turn]);
    if (!this.#isBusy) void this.#drive();
  }

  async occupy(sinceSeconds: number, tookSeconds: number): Promise<void> {
    if (this.speed >= 1) return;
    const duration = tookSeconds / this.speed;
    const end = Math.max(sinceSeconds, this.#freeAtSeconds) + duration;
    this.#freeAtSeconds = end;
    await waitUntil(this.clock, seconds(end));
    // Late by coarse timers and a busy machine, which what comes next makes up for; by more than its
    // own time it is late for another reason.
    this.#freeAtSeconds = Math.max(this.#freeAtSeconds, this.clock.now() - duration);
  }

  /** Runs what waits until nothing does. */
  async #drive(): Promise<void> {
    this.#isBusy = true;
    for (let running = this.#next()?.run(); running !== undefined; ) {
      const finish = await running;
      running = this.#next()?.run();
      finish();
    }
    this.#isBusy = false;
  }

  #next(): Turn | undefined {
    for (const [model, turns] of [...this.#waiting]) {
      const wanted = turns.filter((turn) => turn.isWanted());
      const oldest = oldestOf(wanted);
      this.#waiting.delete(model);
      if (oldest === undefined) continue;
      // Behind the others.
      const left = wanted.filter((turn) => turn !== oldest);
      if (left.length > 0) this.#waiting.set(model, left);
      return oldest;
    }
    return undefined;
  }
}

function oldestOf(turns: readonly Turn[]): Turn | undefined {
  let oldest: Turn | undefined;
  for (const turn of turns) {
    if (oldest === undefined || isOlder(turn, oldest)) oldest = turn;
  }
  return oldest;
}

function isOlder(one: Turn, other: Turn): boolean {
  if (one.request !== other.request) return one.request < other.request;
  return one.position < other.position;
}
