import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { introduce } from "./handshake.ts";
import { type Liveness, watchLiveness } from "./liveness.ts";
import { type EventMessage, protocolVersion, type StatusMessage } from "./message.ts";
import { decodeMessage, malformed } from "./protocol.ts";

export interface WatchOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  readonly token: string;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** A coordinator says how its cluster stands at each heartbeat, but not more often than this. */
const leastBeatSeconds = 0.25;
const mostMissed = 10;

/**
 * Looks on: how a cluster stands, at once and from time to time, and each event as it happens. Ends
 * when the signal is aborted.
 *
 * @throws CHANNEL_CLOSED if nobody answers, or the coordinator goes away or falls silent; TOKEN_REFUSED
 */
export async function* watchCluster(
  options: WatchOptions,
): AsyncGenerator<StatusMessage | EventMessage> {
  const { transport, clock, address, token, signal } = options;
  const channel = await transport.connect(address, { signal });
  const end = () => void channel.close();
  signal.addEventListener("abort", end, { once: true });
  const listener = new AttentiveListener(channel, address);
  try {
    const watch = { type: "watch", protocol: protocolVersion, token } as const;
    const first = await introduce(channel, clock, watch, "status");
    listener.mind(clock, first.body.status);
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

/** Takes what a coordinator says, and ends when it says nothing any more. */
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

  async *messages(): AsyncGenerator<StatusMessage | EventMessage> {
    this.#isListening = true;
    for await (const frame of this.#channel) {
      this.#heard++;
      this.#isListening = false;
      const { message } = decodeMessage(frame);
      if (message.type === "status" || message.type === "event") yield message;
      else if (message.type !== "ping") {
        throw malformed(`a message '${message.type}'`, "a coordinator does not send it here");
      }
      this.#isListening = true;
    }
  }

  rest(): void {
    this.#over.abort();
  }
}
