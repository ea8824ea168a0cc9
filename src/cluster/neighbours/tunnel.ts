import type { Channel } from "../../transport/transport.ts";
import { type Race, raceAddresses } from "../dialler.ts";
import { greet } from "../greeting.ts";
import { introduce } from "../handshake.ts";
import { checkCoordinator } from "../identity.ts";
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
