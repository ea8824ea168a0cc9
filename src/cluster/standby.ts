import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";

export interface StandbyOptions {
  readonly clock: Clock;
  /** How long the coordinator must be away. */
  readonly orphanSeconds: number;
  /** Whether what is served now needs a device. */
  readonly needs: (device: string) => boolean;
  /** Serve this generation; nobody else will say so. */
  readonly activate: (generation: number) => void;
}

/**
 * Decides, on the source device, when to go over to the plan that needs no other device: when the
 * serving one lacks a device and the coordinator, who would help, has been away for a while.
 */
export class Standby {
  readonly #options: StandbyOptions;
  readonly #lost = new Set<string>();
  #generation: number | null = null;
  #waiting: AbortController | null = null;
  #isOrphaned = false;

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  /** The generation that could take over; `null`: there is none. */
  arm(generation: number | null): void {
    this.#generation = generation;
    this.#consider();
  }

  get generation(): number | null {
    return this.#generation;
  }

  lost(device: string): void {
    this.#lost.add(device);
    this.#consider();
  }

  reached(device: string): void {
    this.#lost.delete(device);
  }

  /** The coordinator is away. */
  async orphaned(): Promise<void> {
    const { clock, orphanSeconds } = this.#options;
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    try {
      await clock.sleep(seconds(orphanSeconds), waiting.signal);
    } catch {
      return;
    }
    this.#isOrphaned = true;
    this.#consider();
  }

  /** The coordinator is back, or nobody is to wait any more. */
  found(): void {
    this.#waiting?.abort();
    this.#waiting = null;
    this.#isOrphaned = false;
  }

  #consider(): void {
    const generation = this.#generation;
    if (!this.#isOrphaned || generation === null) return;
    if (![...this.#lost].some((device) => this.#options.needs(device))) return;
    this.#generation = null;
    this.#options.activate(generation);
  }
}
