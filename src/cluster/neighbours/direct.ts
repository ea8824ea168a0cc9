import type { Channel } from "../../transport/transport.ts";
import { raceAddresses } from "../dialler.ts";
import { checkDevice } from "../identity.ts";
import type { LineOptions } from "./line-options.ts";

/**
 * A channel straight to another device, at whichever of its addresses answers first.
 *
 * @throws CHANNEL_CLOSED; IDENTITY_REFUSED if somebody else answers
 */
export async function openDirect(
  { transport, clock, device, addresses }: LineOptions,
  signal: AbortSignal,
): Promise<Channel> {
  const check = (channel: Channel) => checkDevice(device, channel);
  const race = { transport, clock, addresses: addresses(), signal, check };
  const { channel } = await raceAddresses(race);
  return channel;
}
