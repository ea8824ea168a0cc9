import type { Transport } from "../transport/transport.ts";
import { type AttendOptions, attend } from "./attend.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import type { EventMessage, StatusMessage } from "./message.ts";
import { malformed } from "./protocol.ts";
import { unknownModel } from "./unknown-model.ts";

export interface WatchOptions extends AttendOptions {
  readonly transport: Transport;
  readonly token: string;
  /** Of several at one address. Default: the first. */
  readonly model?: string;
}

/**
 * Looks on: how a cluster stands, at once and from time to time, and each event as it happens. Ends
 * when the signal is aborted.
 *
 * @throws CHANNEL_CLOSED if nobody answers, or the coordinator goes away or falls silent; TOKEN_REFUSED;
 * MODEL_UNKNOWN if another one runs there; MODEL_NOT_READY
 */
export async function* watchCluster(
  options: WatchOptions,
): AsyncGenerator<StatusMessage | EventMessage> {
  const { transport, clock, address, model, signal } = options;
  const channel = await transport.connect(address, { signal });
  const heard = attend(channel, options, async () => {
    const first = await introduce(channel, clock, { type: "watch", ...greet(options) }, "status");
    const { status } = first.body;
    if (model !== undefined && model !== status.model) {
      throw unknownModel(model, [status.model], address);
    }
    return { first, liveness: status };
  });
  for await (const message of heard) {
    if (message.type === "status" || message.type === "event") yield message;
    else throw malformed(`a message '${message.type}'`, "a coordinator does not send it here");
  }
}
