import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { Liveness } from "./liveness.ts";
import { decodeMessage, encodeMessage, malformed } from "./protocol.ts";
import type { ModelKey } from "./shared-listener.ts";

interface Follower {
  readonly channel: Channel;
  /** Ends when its channel has. */
  readonly over: AbortController;
  isTelling: boolean;
  /** Something has changed while it was told. */
  isBehind: boolean;
}

/** One that takes nothing any more is left to itself after so long. */
const farewellSeconds = seconds(1);

/** Tells devices and programs which models run here: at once, when that changes, at each heartbeat. */
export class Roster {
  readonly #clock: Clock;
  readonly #liveness: Liveness;
  readonly #followers = new Set<Follower>();
  #models: readonly ModelKey[];
  /** Why everybody is to end; `null`: nobody is. */
  #reason: string | null = null;

  constructor(clock: Clock, liveness: Liveness, models: readonly ModelKey[]) {
    this.#clock = clock;
    this.#liveness = liveness;
    this.#models = models;
  }

  set models(models: readonly ModelKey[]) {
    this.#models = models;
    for (const follower of this.#followers) void this.#tell(follower);
  }

  /** A device or program that has said `follow`; resolves when it has gone. */
  async accept(channel: Channel): Promise<void> {
    if (this.#reason !== null) {
      await this.#dismiss(channel, this.#reason);
      return;
    }
    const over = new AbortController();
    const follower: Follower = { channel, over, isTelling: false, isBehind: false };
    this.#followers.add(follower);
    void this.#beat(follower);
    try {
      for await (const frame of channel) {
        const { message } = decodeMessage(frame);
        if (message.type !== "ping")
          throw malformed(`a message '${message.type}'`, "it only listens");
      }
    } catch {
      // Whoever talks nonsense, or is gone, is told nothing more.
    } finally {
      over.abort();
      this.#followers.delete(follower);
      await channel.close();
    }
  }

  /** Tells everybody to end, those too that come from now on. */
  async close(reason: string): Promise<void> {
    this.#reason = reason;
    const farewells = [...this.#followers].map(async ({ channel, over }) => {
      over.abort();
      await this.#dismiss(channel, reason);
    });
    await Promise.all(farewells);
  }

  /** Ends as if killed: nobody is told anything. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#followers].map(({ channel }) => channel.close()));
  }

  async #dismiss(channel: Channel, reason: string): Promise<void> {
    const told = new AbortController();
    const patience = this.#clock.sleep(farewellSeconds, told.signal).catch(() => undefined);
    const farewell = channel.send(encodeMessage({ type: "shutdown", reason }));
    await Promise.race([farewell.catch(() => undefined), patience]);
    told.abort();
    await channel.close();
  }

  async #beat(follower: Follower): Promise<void> {
    const { signal } = follower.over;
    while (!signal.aborted) {
      void this.#tell(follower);
      const { heartbeatSeconds } = this.#liveness;
      await this.#clock.sleep(seconds(heartbeatSeconds), signal).catch(() => undefined);
    }
  }

  async #tell(follower: Follower): Promise<void> {
    follower.isBehind = true;
    if (follower.isTelling) return;
    follower.isTelling = true;
    while (follower.isBehind && !follower.over.signal.aborted) {
      follower.isBehind = false;
      const { heartbeatSeconds, missedHeartbeats } = this.#liveness;
      const models = {
        type: "models",
        models: this.#models,
        heartbeatSeconds,
        missedHeartbeats,
      } as const;
      // Whoever reads its channel knows that it has gone.
      await follower.channel.send(encodeMessage(models)).catch(() => undefined);
    }
    follower.isTelling = false;
  }
}
