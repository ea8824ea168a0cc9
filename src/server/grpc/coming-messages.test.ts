import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../../test/fixtures/code-of.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { Admission } from "../oip/admission.ts";
import { ComingMessages } from "./coming-messages.ts";

const pace = { transferSeconds: 300, leastBytesPerSecond: 2 ** 16 };

function start(messageBytes: number, unpackedBytes: number, heldBytes = 2 ** 30) {
  const clock = createVirtualClock();
  const admission = new Admission({ heldBytes, pace, clock });
  const guest = admission.open();
  const coming = new ComingMessages(guest, { messageBytes, unpackedBytes, isStream: true });
  return { clock, admission, guest, coming };
}

/** As gRPC frames it, of zeros. */
function framed(bytes: number, isCompressed = false): Uint8Array {
  const frame = new Uint8Array(5 + bytes);
  frame[0] = isCompressed ? 1 : 0;
  new DataView(frame.buffer).setUint32(1, bytes);
  return frame;
}

test("messages count the same however they are cut, and nothing when they are handed on", () => {
  const message = fc.record({ bytes: fc.nat(40), isCompressed: fc.boolean() });
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(message), cuts, (messages, sizes) => {
      const { admission, coming } = start(5000, 5000);
      const frames = messages.map(({ bytes, isCompressed }) => framed(bytes, isCompressed));
      const all = Uint8Array.from(frames.flatMap((frame) => [...frame]));
      for (let at = 0, cut = 0; at < all.byteLength; cut++) {
        const end = at + (sizes[cut % sizes.length] ?? 1);
        coming.came(all.subarray(at, end));
        at = end;
      }
      const counts = messages.map(({ bytes, isCompressed }) => {
        const unpacked = isCompressed ? Math.min(1032 * bytes, 5000) : 0;
        return 1024 + bytes + unpacked;
      });
      for (const [index, count] of counts.entries()) {
        const left = counts.slice(index).reduce((sum, one) => sum + one, 0);
        expect([index, admission.held]).toEqual([index, left]);
        coming.handedOn();
        expect(admission.held).toBe(left - count);
      }
    }),
  );
});

test("what a stream brings has time while it is read in part, and none while whole messages wait to be read", async () => {
  const { clock, guest, coming } = start(1000, 1000);
  const part = framed(9).subarray(0, 8);
  coming.awaited();
  coming.came(Uint8Array.from([...framed(3), ...framed(0), ...part]));
  await clock.advance(seconds(900));
  coming.handedOn();
  coming.awaited();
  await clock.advance(seconds(900));
  coming.handedOn();
  await clock.advance(seconds(900));
  expect(guest.displaced.aborted).toBe(false);
  coming.awaited();
  await clock.advance(seconds(299));
  expect(guest.displaced.aborted).toBe(false);
  await clock.advance(seconds(3));
  expect(guest.displaced.aborted).toBe(true);
});

test("a message is refused by its head where it can become too large, and where there is no room by its bytes", () => {
  const head = (bytes: number, isCompressed?: boolean) =>
    framed(bytes, isCompressed).subarray(0, 5);
  const small = start(2 ** 20, 2 ** 26).coming;
  expect(codeOf(() => small.came(head(2 ** 20 + 1)))).toBe("REQUEST_TOO_LARGE");
  expect(codeOf(() => start(2 ** 20, 2 ** 26).coming.came(head(1017, true)))).toBe(
    "REQUEST_TOO_LARGE",
  );
  const { admission, coming } = start(2 ** 20, 2 ** 20, 10_000);
  const other = admission.open();
  other.take(5000);
  coming.came(head(2 ** 19));
  coming.came(new Uint8Array(3000));
  expect(codeOf(() => coming.came(new Uint8Array(3000)))).toBe("DEVICE_BUSY");
  coming.leave();
  expect(admission.held).toBe(5000);
});
