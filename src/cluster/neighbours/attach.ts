/**
 * What two devices say first on a channel of a line: who they are, and what has come so far.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import type { Channel } from "../../transport/transport.ts";
import type { Attach, Standing } from "../data-message.ts";
import { greet } from "../greeting.ts";
import { introduce } from "../handshake.ts";
import { malformed, receive } from "../protocol.ts";
import type { LineOptions } from "./line-options.ts";

/**
 * Says so on a channel that was dialled from here.
 *
 * @returns what has come to the other side
 * @throws CHANNEL_CLOSED, and what the other side refuses it with
 */
export async function attach(
  channel: Channel,
  options: LineOptions,
  standing: Standing,
): Promise<Standing> {
  const { clock, kind, own, device } = options;
  const opening = { ...greet(options), kind, device: own, to: device };
  const first = { type: "attach", ...opening, standing } as const;
  return (await introduce(channel, clock, first, "attached")).standing;
}

/**
 * Through a tunnel one side attaches as if it had dialled the other.
 *
 * @throws CHANNEL_CLOSED if the tunnel ends; FRAME_MALFORMED if somebody else attaches
 */
export async function receiveAttach(channel: Channel, options: LineOptions): Promise<Attach> {
  const { kind, device } = options;
  const first = await receive(channel);
  if (first === null) throw new CodedError("CHANNEL_CLOSED", `the tunnel to '${device}' ended`);
  const { message } = first;
  const isRight = message.type === "attach" && message.kind === kind && message.device === device;
  if (isRight) return message;
  void channel.close();
  throw malformed(`a message '${message.type}'`, `device '${device}' was to attach`);
}
