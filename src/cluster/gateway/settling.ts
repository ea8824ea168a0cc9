import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Settled } from "../data-message.ts";

/** How long requests are gathered before a device is told: one message then does for many. */
const gatherSeconds = seconds(0.02);

/**
 * So many are remembered for a device that cannot be told. What it keeps of others is dropped when its
 * own limit is reached.
 */
const mostPending = 4096;

export interface SettlingOptions {
  readonly clock: Clock;
  /** @throws CHANNEL_CLOSED */
  readonly tell: (device: string, message: Settled) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Tells devices which requests have ended, so that they drop what they keep of them. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #pending = new Map<string, Set<number>>();
  #isGathering = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  add(devices: Iterable<string>, request: number): void {
    for (const device of devices) {
      const pending = this.#pending.get(device) ?? new Set();
      this.#pending.set(device, pending.add(request));
      const [oldest] = pending;
      if (pending.size > mostPending && oldest !== undefined) pending.delete(oldest);
    }
    this.#gather();
  }

  /** A device may be there again. */
  retry(device: string): void {
    if (this.#pending.has(device)) this.#gather();
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    const { clock, signal } = this.#options;
    try {
      await clock.sleep(gatherSeconds, signal);
    } catch {
      // The gateway is closed.
      return;
    }
    this.#isGathering = false;
    const batch = [...this.#pending];
    this.#pending.clear();
    for (const [device, requests] of batch) void this.#tell(device, requests);
  }

  async #tell(device: string, requests: ReadonlySet<number>): Promise<void> {
    try {
      await this.#options.tell(device, { type: "settled", requests: [...requests] });
    } catch {
      // Kept until it is heard again, or the next requests end.
      const later = this.#pending.get(device) ?? [];
      const all = [...requests, ...later].slice(-mostPending);
      this.#pending.set(device, new Set(all));
    }
  }
}
