/**
 * The first messages on a channel: who dials says what it wants and proves that it may.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { type Channel, defaultLimits } from "../transport/transport.ts";
import type { Join } from "./control-message.ts";
import type { Attach, Open, Tunnel } from "./data-message.ts";
import type { Follow, Message, Watch } from "./message.ts";
import type { Survey, Take, Task } from "./program-message.ts";
import { encodeMessage, fromWire, malformed, type Received, receive, toWire } from "./protocol.ts";
import { isSameSecret } from "./secret.ts";

/** What a channel may begin with. */
export type Opening = Join | Attach | Tunnel | Open | Survey | Take | Task | Watch | Follow;

const openings: ReadonlySet<string> = new Set<Opening["type"]>([
  "join",
  "attach",
  "tunnel",
  "open",
  "survey",
  "take",
  "task",
  "watch",
  "follow",
]);

/** Whoever connects and says nothing for this long is sent away. */
const patienceSeconds = seconds(10);
/** What it may ask before that, to see how far away this side is. */
const mostPings = 16;

/**
 * Sends the first message and waits for the reply.
 *
 * @throws what the other side refuses with (TOKEN_REFUSED, PART_REFUSED, USAGE_INVALID, …);
 * CHANNEL_CLOSED if it goes away or does not reply; FRAME_MALFORMED if it says something else
 */
export async function introduce<T extends Message["type"]>(
  channel: Channel,
  clock: Clock,
  first: Opening,
  ...expected: readonly T[]
): Promise<Extract<Message, { type: T }>> {
  await channel.send(encodeMessage(first));
  const reply = await receiveFirst(channel, clock).catch((error: unknown) => {
    void channel.close();
    throw error;
  });
  if (reply?.message.type === "refused") {
    await channel.close();
    throw fromWire(reply.message.error);
  }
  if (expected.some((type) => type === reply?.message.type)) {
    return reply?.message as Extract<Message, { type: T }>;
  }
  await channel.close();
  if (reply === null) {
    const why = "went away before it replied; is a coordinator or an agent listening there?";
    throw new CodedError("CHANNEL_CLOSED", `${channel.peer} ${why}`);
  }
  throw malformed(`the reply '${reply.message.type}'`, `'${expected.join("' or '")}' was expected`);
}

/**
 * Waits for the first message on an accepted channel and checks who it is. Whoever is not let in is
 * told why, and its channel closed; whoever is may send frames of any size from then on.
 *
 * @returns `null` if it was sent away
 */
export async function admit(
  channel: Channel,
  clock: Clock,
  token: string,
): Promise<Opening | null> {
  try {
    const first = await receiveFirst(channel, clock);
    if (first === null) {
      await channel.close();
      return null;
    }
    const { message, payload } = first;
    if (payload.byteLength > 0) throw malformed("a first message", "it has a payload");
    if (!isOpening(message)) {
      throw malformed(`a first message '${message.type}'`, `expected: ${[...openings].join(", ")}`);
    }
    checkOpening(message, token);
    channel.setLimits(defaultLimits);
    return message;
  } catch (error) {
    await refuse(channel, error);
    return null;
  }
}

/** Says why a channel is not wanted, and closes it. */
export async function refuse(channel: Channel, error: unknown): Promise<void> {
  try {
    await channel.send(encodeMessage({ type: "refused", error: toWire(error) }));
  } catch {
    // It has gone already: nobody is left to be told.
  }
  await channel.close();
}

function isOpening(message: Message): message is Opening {
  return openings.has(message.type);
}

function checkOpening({ token }: Opening, expected: string): void {
  if (isSameSecret(token, expected)) return;
  throw new CodedError(
    "TOKEN_REFUSED",
    "the token is not the one of this cluster; start every agent and client with the coordinator's token",
  );
}

async function receiveFirst(channel: Channel, clock: Clock): Promise<Received | null> {
  const done = new AbortController();
  const patience = clock.sleep(patienceSeconds, done.signal).then(
    async () => {
      await channel.close();
      return null;
    },
    () => null,
  );
  const first = receiveBeyondPings(channel);
  try {
    return await Promise.race([first, patience]);
  } catch (error) {
    throw error instanceof CodedError
      ? error
      : new CodedError("CHANNEL_CLOSED", messageOf(error), { peer: channel.peer }, error);
  } finally {
    done.abort();
    first.catch(() => undefined);
  }
}

/** Whoever has dialled several addresses compares them by pings before it says what it wants. */
async function receiveBeyondPings(channel: Channel): Promise<Received | null> {
  for (let pings = 0; ; pings++) {
    const received = await receive(channel);
    if (received?.message.type !== "ping") return received;
    if (pings === mostPings) throw malformed("a ping", `${mostPings} of them came before it`);
    await channel.send(encodeMessage({ type: "pong" }));
  }
}
