import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { Channel } from "../transport/transport.ts";
import { AgentLink } from "./agent-link.ts";
import { pieceBytes } from "./blob-sender.ts";
import { decodeMessage } from "./protocol.ts";

const blob = (letter: string, bytes: number) => ({
  sha256: letter.repeat(64),
  bytes: new Uint8Array(bytes),
  offset: 0,
});

/** The coordinator's side of an agent, and the agent's side of the channel. */
async function link() {
  const { clock, until } = virtualSetting();
  // What a receiver that does not read holds before `send` waits.
  const transport = createMemoryTransport({ items: 4, bytes: 1 << 20 });
  const listener = await transport.listen("coordinator:1");
  const agent = await transport.connect("coordinator:1");
  const { value: channel } = await listener[Symbol.asyncIterator]().next();
  return {
    clock,
    until,
    agent,
    link: new AgentLink(sampleMessages.join, channel as Channel, clock),
  };
}

/** The first blobs' pieces that come: letter, offset and bytes of each. */
async function sent(
  { until, agent, link: sending }: Awaited<ReturnType<typeof link>>,
  pieces: number,
): Promise<string[]> {
  const order: string[] = [];
  const reading = (async () => {
    for await (const frame of agent) {
      const { message, payload } = decodeMessage(frame);
      if (message.type !== "blob") return;
      order.push(`${message.sha256[0]} ${message.offset} ${payload.byteLength}`);
      if (order.length === pieces) void sending.dismiss("it is over");
    }
  })();
  await until(reading);
  return order;
}

test("ends in time with an agent that reads nothing any more", async () => {
  const { clock, until, link: hung } = await link();
  hung.queue([blob("a", 1 << 23)], true);
  await until(hung.dismiss("it is over"));
  expect(clock.now()).toBeCloseTo(1, 1);
});

test("sends what is waited for before what may be needed one day, in pieces", async () => {
  const ends = await link();
  const { link: queued } = ends;
  queued.queue([blob("d", 3 * pieceBytes)], false);
  queued.queue([blob("a", 2 * pieceBytes), blob("e", 0)], true);
  const order = await sent(ends, 6);
  expect(order).toEqual([
    `d 0 ${pieceBytes}`,
    `a 0 ${pieceBytes}`,
    `a ${pieceBytes} ${pieceBytes}`,
    "e 0 0",
    `d ${pieceBytes} ${pieceBytes}`,
    `d ${2 * pieceBytes} ${pieceBytes}`,
  ]);
});

test("sends once what is asked for again, as soon as anybody waits for it", async () => {
  const ends = await link();
  const { link: queued } = ends;
  queued.queue([blob("d", 2 * pieceBytes), blob("a", pieceBytes), blob("e", pieceBytes)], false);
  queued.queue([blob("e", pieceBytes)], true);
  queued.queue([blob("e", pieceBytes), blob("a", pieceBytes)], false);
  expect(await sent(ends, 4)).toEqual([
    `d 0 ${pieceBytes}`,
    `e 0 ${pieceBytes}`,
    `d ${pieceBytes} ${pieceBytes}`,
    `a 0 ${pieceBytes}`,
  ]);
});
