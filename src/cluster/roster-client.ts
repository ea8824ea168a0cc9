import type { Clock } from "../base/clock.ts";
import type { Transport } from "../transport/transport.ts";
import { AttentiveListener } from "./attentive-listener.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import { checkCoordinator } from "./identity.ts";
import type { Message, Models } from "./message.ts";
import { limitTime } from "./neighbours/patience.ts";
import { malformed } from "./protocol.ts";
import type { ModelKey } from "./shared-listener.ts";

export interface FollowOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  readonly token: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** For an address where nobody even refuses. */
const dialSeconds = 5;

/**
 * Which models run at a coordinator, now and each time that it says so, which is at each heartbeat.
 * Ends when the coordinator tells everybody to end, or the signal is aborted.
 *
 * @throws CHANNEL_CLOSED if nobody answers, or the coordinator goes away or falls silent;
 * TOKEN_REFUSED, IDENTITY_REFUSED
 */
export async function* followModels(options: FollowOptions): AsyncGenerator<readonly ModelKey[]> {
  const { clock, address, signal } = options;
  const channel = await connect(options);
  const end = () => void channel.close();
  signal.addEventListener("abort", end, { once: true });
  const listener = new AttentiveListener(channel, address);
  try {
    const foreign = checkCoordinator(channel);
    if (foreign !== null) throw foreign;
    const first = await introduce(channel, clock, { type: "follow", ...greet(options) }, "models");
    listener.mind(clock, first);
    yield first.models;
    for await (const message of listener.messages()) {
      if (message.type === "shutdown") return;
      yield expectModels(message).models;
    }
    if (!signal.aborted) throw listener.failure;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    listener.rest();
    signal.removeEventListener("abort", end);
    await channel.close();
  }
}

async function connect({ transport, clock, address, signal }: FollowOptions) {
  const limit = limitTime(clock, dialSeconds);
  const onAbort = () => limit.controller.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await transport.connect(address, { signal: limit.controller.signal });
  } finally {
    signal.removeEventListener("abort", onAbort);
    limit.end();
  }
}

/** @throws FRAME_MALFORMED */
function expectModels(message: Message): Models {
  if (message.type === "models") return message;
  throw malformed(`a message '${message.type}'`, "a coordinator does not send it here");
}
