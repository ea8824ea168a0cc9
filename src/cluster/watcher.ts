import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { Message } from "./message.ts";
import { decodeMessage, encodeMessage, malformed } from "./protocol.ts";
import type { ClusterEvent, ClusterStatus } from "./status.ts";

/** Events that a watcher has not read yet; one that is further behind is let go. */
const mostBehind = 1000;

/** Tells programs that look on how a cluster stands: at once, then regularly, and each event. */
export class Watchers {
  readonly #channels = new Map<Channel, { behind: number }>();
  readonly #clock: Clock;
  readonly #status: () => ClusterStatus;
  readonly #signal: AbortSignal;

  constructor(options: {
    readonly clock: Clock;
    readonly intervalSeconds: number;
    readonly status: () => ClusterStatus;
    /** Ends it. */
    readonly signal: AbortSignal;
  }) {
    this.#clock = options.clock;
    this.#status = options.status;
    this.#signal = options.signal;
    void this.#repeat(options.intervalSeconds);
  }

  /** A program that has said `watch`; resolves when it has gone. */
  async accept(channel: Channel): Promise<void> {
    this.#channels.set(channel, { behind: 0 });
    this.#say(channel, { type: "status", body: { status: this.#status() } });
    try {
      for await (const frame of channel) {
        const { message } = decodeMessage(frame);
        if (message.type !== "ping")
          throw malformed(`a message '${message.type}'`, "it only looks on");
      }
    } catch {
      // Whoever talks nonsense, or is gone, is told nothing more.
    } finally {
      this.#channels.delete(channel);
      await channel.close();
    }
  }

  tell(event: ClusterEvent): void {
    for (const channel of this.#channels.keys()) {
      this.#say(channel, { type: "event", body: { event } });
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#channels.keys()].map((channel) => channel.close()));
  }

  async #repeat(intervalSeconds: number): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#clock.sleep(seconds(intervalSeconds), this.#signal).catch(() => undefined);
      if (this.#signal.aborted) return;
      for (const [channel, { behind }] of this.#channels) {
        if (behind > 0) continue;
        this.#say(channel, { type: "status", body: { status: this.#status() } });
      }
    }
  }

  #say(channel: Channel, message: Message): void {
    const state = this.#channels.get(channel);
    if (state === undefined) return;
    if (state.behind >= mostBehind) {
      void channel.close();
      return;
    }
    state.behind++;
    void channel
      .send(encodeMessage(message))
      .catch(() => undefined)
      .finally(() => {
        state.behind--;
      });
  }
}
