import { expect, test } from "vitest";
import { systemClock } from "../base/clock.node.ts";
import { admit } from "../cluster/handshake.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { Listener } from "../transport/transport.ts";
import { withAnyAddress } from "./any-address.ts";

/** Answers pings, as whoever waits for a first message does. */
async function answer(listener: Listener): Promise<void> {
  for await (const channel of listener) void admit(channel, systemClock, "secret");
}

test("of several addresses it takes one that answers", async () => {
  const transport = createMemoryTransport();
  await using listener = await transport.listen("right");
  void answer(listener);
  const any = withAnyAddress(transport, systemClock);
  await using channel = await any.connect("wrong, right");
  await expect(any.connect("wrong,worse")).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
    message: expect.stringMatching(/wrong.*worse/),
  });
  expect(channel.peer).toContain("right");
});

test("a single address is dialled as it is", async () => {
  const transport = createMemoryTransport();
  await using _ = await transport.listen("right");
  await using channel = await withAnyAddress(transport, systemClock).connect("right");
  expect(channel.peer).toContain("right");
});
