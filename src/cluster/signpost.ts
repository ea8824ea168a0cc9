import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { CoordinationState } from "./coordination/state.ts";
import { servingOf } from "./coordination/world.ts";
import { whyOf } from "./status-report.ts";

/** A client that asks where to ask waits so long for something to serve. */
const patienceSeconds = seconds(8);

/** Shows clients the way to the source, as soon as requests are taken there. */
export class Signpost {
  readonly #clock: Clock;
  readonly #state: () => CoordinationState;
  readonly #addresses: () => readonly string[];
  readonly #waiting = new Set<() => void>();
  /** Where the source was when it was here last: it may serve on without this coordinator. */
  #last: readonly string[] = [];

  constructor(options: {
    readonly clock: Clock;
    readonly state: () => CoordinationState;
    /** Of the source; empty while it is away. */
    readonly addresses: () => readonly string[];
  }) {
    this.#clock = options.clock;
    this.#state = options.state;
    this.#addresses = options.addresses;
  }

  /** Something has changed. */
  wake(): void {
    this.#recall();
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /**
   * Where requests are taken, or were before the source went away; none: it was never here.
   *
   * @throws DEVICE_LOST if nothing serves in time, CHANNEL_CLOSED if the cluster has been closed
   */
  async addresses(): Promise<readonly string[]> {
    const patience = new AbortController();
    const over = this.#clock.sleep(patienceSeconds, patience.signal).then(
      () => true,
      () => false,
    );
    try {
      for (;;) {
        const state = this.#state();
        const addresses = this.#addresses();
        if (state.started && addresses.length === 0) return this.#recall();
        if (servingOf(state) !== undefined || state.suspended) return addresses;
        if (state.ended || (await Promise.race([over, this.#change()]))) throw closed(state);
      }
    } finally {
      patience.abort();
    }
  }

  #recall(): readonly string[] {
    const addresses = this.#addresses();
    if (addresses.length > 0) this.#last = addresses;
    return this.#last;
  }

  /** Resolves when something has changed. */
  #change(): Promise<false> {
    return new Promise((resolve) => this.#waiting.add(() => resolve(false)));
  }
}

function closed(state: CoordinationState): CodedError {
  const why = whyOf(state);
  if (state.ended && state.failure === null) {
    return new CodedError("CHANNEL_CLOSED", "the coordinator was closed");
  }
  return new CodedError("DEVICE_LOST", `nothing can be asked: ${why}`, { why });
}
