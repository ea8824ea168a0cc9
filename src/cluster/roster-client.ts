import type { Transport } from "../transport/transport.ts";
import { type AttendOptions, attend } from "./attend.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import { checkCoordinator } from "./identity.ts";
import type { Message, Models } from "./message.ts";
import { limitTime } from "./neighbours/patience.ts";
import { malformed } from "./protocol.ts";
import type { ModelKey } from "./shared-listener.ts";

export interface FollowOptions extends AttendOptions {
  readonly transport: Transport;
  readonly token: string;
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
  const { clock } = options;
  const channel = await connect(options);
  const heard = attend(channel, options, async () => {
    const foreign = checkCoordinator(channel);
    if (foreign !== null) throw foreign;
    const first = await introduce(channel, clock, { type: "follow", ...greet(options) }, "models");
    return { first, liveness: first };
  });
  for await (const message of heard) {
    if (message.type === "shutdown") return;
    yield expectModels(message).models;
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
