import type { ClusterEvent } from "../cluster/status.ts";

/** An event with its number; numbers rise by one, from 1. */
export interface LoggedEvent {
  readonly id: number;
  readonly event: ClusterEvent;
}

/** How many events are remembered for whoever comes late or back. */
const remembered = 1024;
/** A follower that reads nothing loses the oldest events beyond this many. */
const mostWaiting = 4096;

/** The last events of a cluster, and those to come, for any number of followers. */
export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #followers = new Set<(logged: LoggedEvent) => void>();
  #last = 0;

  /** How many follow. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Takes an event in and hands it to every follower. */
  append(event: ClusterEvent): void {
    this.#last++;
    const logged = { id: this.#last, event };
    this.#events.push(logged);
    if (this.#events.length > remembered) this.#events.shift();
    for (const follower of this.#followers) follower(logged);
  }

  /**
   * Events with numbers above `after` that are remembered, then those to come, until the signal is
   * aborted.
   *
   * @param after 0: from the oldest that is remembered, as after a number that no event has had, which
   * comes from another log; left out: only those to come
   */
  async *follow(signal: AbortSignal, after: number = this.#last): AsyncGenerator<LoggedEvent> {
    const first = after > this.#last ? 0 : after;
    const waiting = this.#events.filter(({ id }) => id > first);
    let wake: () => void = () => undefined;
    const take = (logged: LoggedEvent) => {
      waiting.push(logged);
      if (waiting.length > mostWaiting) waiting.shift();
      wake();
    };
    const onAbort = () => {
      // Who has stopped reading may never come back here.
      this.#followers.delete(take);
      wake();
    };
    this.#followers.add(take);
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#followers.delete(take);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
