import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Channel } from "../transport/transport.ts";
import { type Liveness, watchLiveness } from "./liveness.ts";
import type { Message } from "./message.ts";
import { decodeMessage } from "./protocol.ts";

/** A coordinator says something at each heartbeat, but to whoever looks on not more often than this. */
const leastBeatSeconds = 0.25;
const mostMissed = 10;

export interface AttendOptions {
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Takes what a coordinator says, its reply to who this is and all that follows but pings, until the
 * channel ends, which is closed then.
 *
 * @param meet says who this is
 * @throws what `meet` throws; CHANNEL_CLOSED if the coordinator goes away or falls silent;
 * FRAME_MALFORMED; nothing once the signal is aborted
 */
export async function* attend<First extends Message>(
  channel: Channel,
  { clock, address, signal }: AttendOptions,
  meet: () => Promise<{ readonly first: First; readonly liveness: Liveness }>,
): AsyncGenerator<First | Message> {
  const end = () => void channel.close();
  signal.addEventListener("abort", end, { once: true });
  const listener = new AttentiveListener(channel, address);
  try {
    const { first, liveness } = await meet();
    listener.mind(clock, liveness);
    yield first;
    yield* listener.messages();
    if (!signal.aborted) throw listener.failure;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    listener.rest();
    signal.removeEventListener("abort", end);
    await channel.close();
  }
}

class AttentiveListener {
  /** Why it has ended. */
  failure: CodedError;
  readonly #channel: Channel;
  readonly #over = new AbortController();
  #heard = 0;
  #isListening = false;

  constructor(channel: Channel, address: string) {
    this.#channel = channel;
    this.failure = new CodedError("CHANNEL_CLOSED", `the coordinator at ${address} has ended`);
  }

  /** A link that swallows everything ends nothing by itself. */
  mind(clock: Clock, { heartbeatSeconds, missedHeartbeats }: Liveness): void {
    const liveness = {
      heartbeatSeconds: Math.max(heartbeatSeconds, leastBeatSeconds),
      missedHeartbeats: Math.max(missedHeartbeats, mostMissed),
    };
    const onSilent = (silentSeconds: number): void => {
      const { peer } = this.#channel;
      const message = `the coordinator at ${peer} has said nothing for ${silentSeconds.toFixed(1)} s`;
      this.failure = new CodedError("CHANNEL_CLOSED", message, { peer, silentSeconds });
      void this.#channel.close();
    };
    const heard = (): number => {
      // Whoever does not ask for more cannot complain of silence.
      if (!this.#isListening) this.#heard++;
      return this.#heard + (this.#channel.heardBytes ?? 0);
    };
    const options = { clock, liveness: () => liveness, heard, onBeat: () => undefined, onSilent };
    void watchLiveness(options, this.#over.signal);
  }

  /** All but pings. @throws FRAME_MALFORMED */
  async *messages(): AsyncGenerator<Message> {
    this.#isListening = true;
    for await (const frame of this.#channel) {
      this.#heard++;
      this.#isListening = false;
      const { message } = decodeMessage(frame);
      if (message.type !== "ping") yield message;
      this.#isListening = true;
    }
  }

  rest(): void {
    this.#over.abort();
  }
}
