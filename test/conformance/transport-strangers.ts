import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import { encodeHeader, goodbye } from "../../src/transport/frame.ts";
import { first, type Make, noise, type RawPeer, takeAll } from "./transport-peers.ts";

const empty = new Uint8Array(0);

/** Whoever does not keep to the rules ends its own channel, and nothing else. */
export function describeStrangers(make: Make): void {
  test("says bytes, or cannot and says why", async () => {
    const { rawDial } = await make();
    expect(typeof rawDial === "function" || rawDial.impossible.length > 0).toBe(true);
  });

  const cases: [string, (peer: RawPeer) => void, string][] = [
    ["garbage", (peer) => peer.write(noise(100)), "FRAME_MALFORMED"],
    ["three wrong bytes", (peer) => peer.write(new TextEncoder().encode("GET")), "FRAME_MALFORMED"],
    ["bytes behind the goodbye", (peer) => peer.write(new Uint8Array([...goodbye, 1])), "none"],
    ["an end in mid-frame", (peer) => endAfter(peer, goodbye.subarray(0, 9)), "CHANNEL_CLOSED"],
    ["an end without goodbye", (peer) => peer.end(), "CHANNEL_CLOSED"],
    ["a goodbye and an end", (peer) => endAfter(peer, goodbye), "none"],
    ["a reset", (peer) => peer.reset(), "CHANNEL_CLOSED"],
  ];
  test.each(cases)("%s ends that channel only", async (_, act, code) => {
    const { transport, anyAddress, rawDial } = await make();
    if (typeof rawDial !== "function") {
      expect(rawDial.impossible).not.toBe("");
      return;
    }
    await using listener = await transport.listen(anyAddress);
    const [raw, accepted] = await Promise.all([rawDial(listener.address), first(listener)]);
    act(raw);
    const why = await accepted.ended;
    expect(why?.code ?? "none").toBe(code);
    const reading = takeAll(accepted);
    if (why === null) expect(await reading).toEqual([]);
    else await expect(reading).rejects.toBe(why);
    raw.reset();
    const [again, other] = await Promise.all([
      transport.connect(listener.address),
      first(listener),
    ]);
    await again.send({ header: { type: "alive" }, payload: empty });
    expect((await first(other)).header.type).toBe("alive");
    await Promise.all([again.close(), other.close()]);
  });

  test("torn frames in pieces of any size end their own channels, with a reason", async () => {
    const { transport, anyAddress, rawDial } = await make();
    if (typeof rawDial !== "function") {
      expect(rawDial.impossible).not.toBe("");
      return;
    }
    const random = createRandom(7);
    await using listener = await transport.listen(anyAddress, {
      headerBytes: 1000,
      payloadBytes: 1000,
    });
    const found = new Set<string>();
    for (let stranger = 0; stranger < 40; stranger++) {
      const [raw, accepted] = await Promise.all([rawDial(listener.address), first(listener)]);
      const reading = takeAll(accepted).catch(() => undefined);
      for (let rest = tornFrames(random); rest.byteLength > 0; ) {
        const piece = 1 + random.integer(rest.byteLength);
        raw.write(rest.subarray(0, piece));
        rest = rest.subarray(piece);
      }
      raw.end();
      found.add((await accepted.ended)?.code ?? "none");
      await reading;
      raw.reset();
    }
    expect([...found].sort()).toEqual(["CHANNEL_CLOSED", "FRAME_MALFORMED"]);
    const [alive, other] = await Promise.all([
      transport.connect(listener.address),
      first(listener),
    ]);
    await alive.send({ header: { type: "alive" }, payload: empty });
    expect((await first(other)).header.type).toBe("alive");
    await Promise.all([alive.close(), other.close()]);
  });
}

/** Frames of which some bits are turned, and the end may be missing. */
function tornFrames(random: Random): Uint8Array {
  const frames = Array.from({ length: 3 }, () => {
    const payload = Uint8Array.from({ length: random.integer(300) }, () => random.integer(256));
    const header = { type: "x", text: "y".repeat(random.integer(100)) };
    return [...encodeHeader({ header, payload }), ...payload];
  });
  const bytes = Uint8Array.from(frames.flat());
  for (let flips = random.integer(4); flips > 0; flips--) {
    const at = random.integer(random.integer(2) === 0 ? 16 : bytes.byteLength);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
  }
  return bytes.subarray(0, random.integer(bytes.byteLength + 1));
}

function endAfter(peer: RawPeer, bytes: Uint8Array): void {
  peer.write(bytes);
  peer.end();
}
