import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import { ControlLink } from "./control-link.ts";
import { refuse } from "./handshake.ts";
import { encodeMessage, receive } from "./protocol.ts";

const silent = {
  join: async () => sampleMessages.join,
  heartbeat: () => sampleMessages.heartbeat,
  onWelcome: async () => undefined,
  onUp: () => undefined,
  onMessage: async () => undefined,
  onGone: () => undefined,
  onUnwelcome: () => undefined,
  onRefused: () => undefined,
};

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
      ...silent,
      isStale: () => true,
    }),
  );
  link.start();
  await clock.advance(seconds(1));
  expect(accepted).toHaveLength(2);
  await until(link.close());
  await until(Promise.all(accepted.map(({ ended }) => ended)));
});

test("says once why it is not let in again, and goes on dialling", async () => {
  const { transport, clock, until } = virtualSetting();
  const listener = await transport.listen("coordinator:1");
  const dialled: Channel[] = [];
  void (async () => {
    for await (const channel of listener) {
      dialled.push(channel);
      await receive(channel);
      const welcome = { ...sampleMessages.welcome, certificate: null };
      const why = new CodedError("IDENTITY_REFUSED", "another device has the name");
      if (dialled.length === 1) await channel.send(encodeMessage(welcome));
      else await refuse(channel, why);
    }
  })();
  const reasons: string[] = [];
  const onUnwelcome = ({ message }: CodedError) => void reasons.push(message);
  const address = listener.address;
  const link = await until(ControlLink.open({ ...silent, transport, clock, address, onUnwelcome }));
  link.start();
  await dialled[0]?.close();
  await clock.advance(seconds(5));
  expect(dialled.length).toBeGreaterThan(3);
  expect(reasons).toEqual(["another device has the name"]);
  await until(link.close());
});
