import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import { type Channel, type FrameLimits, openingLimits } from "../transport/transport.ts";
import { protocolVersion } from "./greeting.ts";
import { admit, introduce } from "./handshake.ts";
import type { Message } from "./message.ts";
import { encodeMessage, receive } from "./protocol.ts";

const token = "secret of this cluster";
const open = { type: "open", protocol: protocolVersion, token } as const;

/** The two sides of a channel. */
async function channels(limits?: FrameLimits): Promise<[near: Channel, far: Channel]> {
  const transport = createMemoryTransport();
  const listener = await transport.listen("here:0", limits);
  const near = await transport.connect(listener.address);
  for await (const far of listener) return [near, far];
  throw new Error("nobody dialled");
}

test("lets in who shows the token, whatever it is here for", async () => {
  const { join, attach, tunnel, watch } = sampleMessages;
  for (const first of [join, attach, tunnel, open, watch]) {
    const [near, far] = await channels();
    const shown = { ...first, token };
    await near.send(encodeMessage(shown));
    expect(await admit(far, systemClock, token)).toEqual(shown);
  }
});

test("takes a small payload with a stranger's ping, none else, any from whoever was let in", async () => {
  const payload = new Uint8Array(openingLimits.payloadBytes + 1);
  const message = { header: { type: "any" }, payload };
  const ping = encodeMessage({ type: "ping" });
  const [stranger, guarded] = await channels(openingLimits);
  const refused = admit(guarded, systemClock, token);
  await stranger.send({ ...ping, payload });
  expect(await refused).toBe(null);
  expect(await stranger.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  const [other, watchful] = await channels(openingLimits);
  const alsoRefused = admit(watchful, systemClock, token);
  await other.send({ ...ping, payload: payload.subarray(1) });
  expect((await receive(other))?.message.type).toBe("pong");
  await other.send({ ...encodeMessage(open), payload: payload.subarray(1) });
  expect(await alsoRefused).toBe(null);
  expect((await receive(other))?.message).toMatchObject({ type: "refused" });
  const [near, far] = await channels(openingLimits);
  await near.send(encodeMessage(open));
  await admit(far, systemClock, token);
  await near.send(message);
  for await (const frame of far) {
    expect(frame.payload).toEqual(payload);
    break;
  }
});

test("sends away who shows another token, speaks another version or says something else", async () => {
  const wrong: readonly [Message, string][] = [
    [{ ...open, token: "" }, "TOKEN_REFUSED"],
    [{ ...open, protocol: 99 }, "FRAME_MALFORMED"],
    [sampleMessages.attached, "FRAME_MALFORMED"],
  ];
  for (const [message, code] of wrong) {
    const [near, far] = await channels();
    await near.send(encodeMessage(message));
    expect(await admit(far, systemClock, token)).toBeNull();
    expect((await receive(near))?.message).toMatchObject({ type: "refused", error: { code } });
    expect(await near.ended).toBeNull();
  }
});

test("closes a channel whose other side stays silent", async () => {
  const [near, far] = await channels();
  const clock = createVirtualClock({ settle: () => settle() });
  const admitted = admit(far, clock, token);
  await clock.advance(seconds(11));
  expect(await admitted).toBeNull();
  expect(await near.ended).toBeNull();
});

test("passes on why it was refused, and what it was told instead of a welcome", async () => {
  const [near, far] = await channels();
  await far.send(
    encodeMessage({ type: "refused", error: { code: "PORT_IN_USE", message: "no", details: {} } }),
  );
  await expect(introduce(near, systemClock, open, "opened")).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: "no",
  });
  const [other, side] = await channels();
  await side.send(encodeMessage(sampleMessages.attached));
  await expect(introduce(other, systemClock, open, "opened")).rejects.toMatchObject({
    code: "FRAME_MALFORMED",
  });
  const [odd, liar] = await channels();
  await liar.send({ header: { type: "nonsense" }, payload: new Uint8Array(0) });
  await expect(introduce(odd, systemClock, open, "opened")).rejects.toMatchObject({
    code: "FRAME_MALFORMED",
  });
  expect([await other.ended, await odd.ended]).toEqual([null, null]);
});

test("answers pings before the first message, yet not for ever", async () => {
  const ping = encodeMessage({ type: "ping" });
  const [near, far] = await channels();
  const admitted = admit(far, systemClock, token);
  for (let count = 0; count < 3; count++) {
    await near.send(ping);
    expect((await receive(near))?.message.type).toBe("pong");
  }
  await near.send(encodeMessage(open));
  expect(await admitted).toMatchObject({ type: "open" });
  const [asking, asked] = await channels();
  const refused = admit(asked, systemClock, token);
  for (let count = 0; count < 16; count++) {
    await asking.send(ping);
    await receive(asking);
  }
  await asking.send(ping);
  expect(await refused).toBeNull();
  expect((await receive(asking))?.message).toMatchObject({ type: "refused" });
});
