import { CodedError } from "../../base/errors.ts";
import type { Channel } from "../../transport/transport.ts";
import type { Attach } from "../data-message.ts";
import { type Race, raceAddresses } from "../dialler.ts";
import { greet } from "../greeting.ts";
import { introduce } from "../handshake.ts";
import { checkCoordinator } from "../identity.ts";
import { malformed, receive } from "../protocol.ts";
import type { LineOptions } from "./line-options.ts";

/**
 * A channel through the coordinator to another device, which dials it as well.
 *
 * @throws CHANNEL_CLOSED, and what the coordinator refuses it with
 */
export async function openTunnel(options: LineOptions, signal: AbortSignal): Promise<Channel> {
  const { transport, clock, coordinator, kind, own, device } = options;
  const addresses = [coordinator];
  const race: Race = { transport, clock, addresses, signal, check: checkCoordinator };
  const { channel } = await raceAddresses(race);
  const onAbort = () => void channel.close();
  signal.addEventListener("abort", onAbort, { once: true });
  const opening = { ...greet(options), kind, device: own, to: device };
  await introduce(channel, clock, { type: "tunnel", ...opening }, "tunnelled");
  return channel;
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
