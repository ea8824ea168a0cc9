import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Settled, SettledMark } from "../data-message.ts";

/** How long requests are gathered before a device is told: one message then does for many. */
const gatherSeconds = seconds(0.02);

export interface SettlingOptions {
  readonly clock: Clock;
  /** Which requests have ended. */
  readonly mark: () => SettledMark;
  /** @throws CHANNEL_CLOSED */
  readonly tell: (device: string, message: Settled) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Tells devices which requests have ended, so that they drop what they keep of them. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #devices = new Set<string>();
  #isGathering = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Tells them soon; who cannot be told is to be told again some day. */
  tell(devices: Iterable<string>): void {
    for (const device of devices) this.#devices.add(device);
    if (this.#isGathering || this.#devices.size === 0) return;
    this.#isGathering = true;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    const { clock, signal, mark, tell } = this.#options;
    try {
      await clock.sleep(gatherSeconds, signal);
    } catch {
      // The gateway is closed.
      return;
    }
    this.#isGathering = false;
    const devices = [...this.#devices];
    this.#devices.clear();
    const settled: Settled = { type: "settled", ...mark() };
    for (const device of devices) void tell(device, settled).catch(() => undefined);
  }
}
