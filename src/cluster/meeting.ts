import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { AgentOptions } from "./agent-options.ts";
import { introduce } from "./handshake.ts";
import { checkCoordinator } from "./identity.ts";
import { protocolVersion } from "./message.ts";

/** For a coordinator that has gone in the meantime. */
const dialSeconds = seconds(5);

/**
 * Dials the coordinator for a task that it has told of: what follows on the channel comes from the
 * program.
 *
 * @throws CHANNEL_CLOSED, IDENTITY_REFUSED; DEVICE_LOST if the program has gone
 */
export async function meetProgram(
  {
    transport,
    clock,
    coordinator,
    token,
    name,
  }: Pick<AgentOptions, "transport" | "clock" | "coordinator" | "token" | "name">,
  task: number,
): Promise<Channel> {
  const giveUp = new AbortController();
  void clock.sleep(dialSeconds, giveUp.signal).then(
    () => giveUp.abort(),
    () => undefined,
  );
  const channel = await transport
    .connect(coordinator, { signal: giveUp.signal })
    .finally(() => giveUp.abort());
  try {
    const foreign = checkCoordinator(channel);
    if (foreign !== null) throw foreign;
    const take = { type: "take", protocol: protocolVersion, token, device: name, task } as const;
    await introduce(channel, clock, take, "taken");
    return channel;
  } catch (error) {
    await channel.close();
    throw error;
  }
}
