import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { seconds } from "../base/units.ts";
import { encodeMessage, receive } from "./protocol.ts";
import { watchCluster } from "./watch-client.ts";

/** A watch on a coordinator that says how its cluster stands, and then nothing any more. */
async function watchSilence() {
  const { transport, clock } = virtualSetting();
  const listener = await transport.listen("coordinator:1");
  void (async () => {
    for await (const channel of listener) {
      await receive(channel);
      await channel.send(encodeMessage(sampleMessages.status));
    }
  })();
  const { signal } = new AbortController();
  const address = listener.address;
  const watch = watchCluster({ transport, clock, address, token: "T", signal });
  expect(await watch.next()).toMatchObject({ value: { type: "status" } });
  return { clock, watch };
}

test("a coordinator that falls silent is told of, and not waited for", async () => {
  const { clock, watch } = await watchSilence();
  const next = watch.next();
  const told = expect(next).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
    message: expect.stringContaining("has said nothing for"),
  });
  await clock.advance(seconds(30));
  await told;
});

test("whoever does not ask for a while does not take its own silence for the coordinator's", async () => {
  const { clock, watch } = await watchSilence();
  await clock.advance(seconds(30));
  let isOver = false;
  const end = watch.next().catch(({ code }) => {
    isOver = true;
    return code;
  });
  await clock.advance(seconds(1));
  expect(isOver).toBe(false);
  await clock.advance(seconds(30));
  expect(await end).toBe("CHANNEL_CLOSED");
});
