import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import { ControlLink } from "./control-link.ts";
import { encodeMessage, receive } from "./protocol.ts";

test("leaves no channel behind, not even one that was to take over", async () => {
  const { transport, clock, until } = virtualSetting();
  const listener = await transport.listen("coordinator:1");
  const accepted: Channel[] = [];
  void (async () => {
    for await (const channel of listener) {
      accepted.push(channel);
      await receive(channel);
      await channel.send(encodeMessage({ ...sampleMessages.welcome, certificate: null }));
    }
  })();
  const link = await until(
    ControlLink.open({
      transport,
      clock,
      address: listener.address,
      join: async () => sampleMessages.join,
      heartbeat: () => sampleMessages.heartbeat,
      isStale: () => true,
      onWelcome: async () => undefined,
      onUp: () => undefined,
      onMessage: async () => undefined,
      onGone: () => undefined,
      onRefused: () => undefined,
    }),
  );
  link.start();
  await clock.advance(seconds(1));
  expect(accepted).toHaveLength(2);
  await until(link.close());
  await until(Promise.all(accepted.map(({ ended }) => ended)));
});
