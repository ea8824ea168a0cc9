import type { Channel } from "../transport/transport.ts";
import type { Message } from "./message.ts";
import { encodeMessage } from "./protocol.ts";

/**
 * Greets both sides, then passes each frame of one on to the other as it is, until one of them ends;
 * then ends both. A side that does not read stops the other.
 *
 * @param count called with the payload bytes of each frame that was passed on
 */
export async function splice(
  pair: readonly [Channel, Channel],
  greeting: Message,
  count: (bytes: number) => void = () => undefined,
): Promise<void> {
  const [one, other] = pair;
  try {
    for (const side of pair) await side.send(encodeMessage(greeting));
    await Promise.race([passOn(one, other, count), passOn(other, one, count)]);
  } catch {
    // One side has gone: the other learns it from the end of its own channel.
  }
  await Promise.all(pair.map((side) => side.close()));
}

async function passOn(from: Channel, to: Channel, count: (bytes: number) => void): Promise<void> {
  for await (const { header, payload } of from) {
    await to.send({ header, payload });
    count(payload.byteLength);
  }
}
