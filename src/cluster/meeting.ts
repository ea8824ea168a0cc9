import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { AgentOptions } from "./agent-options.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import { checkCoordinator } from "./identity.ts";

/** For a coordinator that has gone in the meantime. */
const dialSeconds = seconds(5);

/**
 * Dials the coordinator for a task that it has told of: what follows on the channel comes from the
 * program.
 *
 * @throws CHANNEL_CLOSED, IDENTITY_REFUSED; DEVICE_LOST if the program has gone
 */
export async function meetProgram(
  agent: Pick<AgentOptions, "transport" | "clock" | "coordinator" | "token" | "name" | "model">,
  task: number,
): Promise<Channel> {
  const { transport, clock, coordinator, name } = agent;
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
    const take = { type: "take", ...greet(agent), device: name, task } as const;
    await introduce(channel, clock, take, "taken");
    return channel;
  } catch (error) {
    await channel.close();
    throw error;
  }
}
