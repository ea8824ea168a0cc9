import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Transport } from "../transport/transport.ts";
import { introduce } from "./handshake.ts";
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

/**
 * Looks on: how a cluster stands, at once and from time to time, and each event as it happens. Ends
 * when the signal is aborted.
 *
 * @throws CHANNEL_CLOSED if nobody answers or the coordinator goes away; TOKEN_REFUSED
 */
export async function* watchCluster(
  options: WatchOptions,
): AsyncGenerator<StatusMessage | EventMessage> {
  const { transport, clock, address, token, signal } = options;
  const channel = await transport.connect(address, { signal });
  const end = () => void channel.close();
  signal.addEventListener("abort", end, { once: true });
  try {
    const watch = { type: "watch", protocol: protocolVersion, token } as const;
    yield await introduce(channel, clock, watch, "status");
    for await (const frame of channel) {
      const { message } = decodeMessage(frame);
      if (message.type === "status" || message.type === "event") yield message;
      else if (message.type !== "ping") {
        throw malformed(`a message '${message.type}'`, "a coordinator does not send it here");
      }
    }
    if (!signal.aborted) {
      throw new CodedError("CHANNEL_CLOSED", `the coordinator at ${address} has ended`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", end);
    await channel.close();
  }
}
