import fc from "fast-check";
import { expect, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import type { Message } from "./message.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  tensorFrame,
  tensorOf,
  toWire,
} from "./protocol.ts";
import { isSameSecret, sha256Hex } from "./secret.ts";

const name = fc.string({ minLength: 1 });
const count = fc.nat();
const sha256 = fc.uint8Array().map(sha256Hex);
const error = fc.record({
  code: fc.constantFrom("DEVICE_LOST" as const, "PART_REFUSED" as const),
  message: fc.string(),
  details: fc.dictionary(fc.constantFrom("device", "why"), fc.string()),
});
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant("welcome" as const), heartbeatSeconds: fc.constant(0.5) }),
  fc.record({ type: fc.constant("refused" as const), error }),
  fc.record({
    type: fc.constant("offer" as const),
    generation: count,
    body: fc.record({
      parts: fc.array(
        fc.record({
          stage: name,
          skeleton: fc.record({ sha256, bytes: count }),
          weights: fc.array(fc.record({ name, sha256, bytes: count })),
          threads: fc.constant(1),
          memoryBytes: count,
        }),
      ),
    }),
  }),
  fc.record({ type: fc.constant("blob" as const), sha256, offset: count }),
  fc.record({ type: fc.constant("forget" as const), generation: count, request: count }),
  fc.record({ type: fc.constant("failure" as const), generation: count, request: count, error }),
);

test("reads what it wrote", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expect(decodeMessage(encodeMessage(message)).message).toEqual(message);
    }),
  );
});

test("carries a tensor's value as it is", () => {
  const value = byteTensor([1, 2, 3]);
  const { message, payload } = decodeMessage(
    tensorFrame({ generation: 1, request: 2, tensor: "x" }, value),
  );
  expect(message.type === "tensor" && tensorOf({ message, payload })).toEqual(value);
});

test("refuses unknown types, unknown and missing fields, and bodies that are no JSON", () => {
  const payload = new Uint8Array([1]);
  for (const header of [
    { type: "nonsense" },
    { type: "welcome" },
    { type: "welcome", heartbeatSeconds: -1 },
    { type: "loaded", generation: 1, more: true },
    { type: "offer", generation: 1 },
  ]) {
    expect(() => decodeMessage({ header, payload })).toThrow(
      expect.objectContaining({ code: "FRAME_MALFORMED" }),
    );
  }
});

test("refuses a tensor whose bytes do not fill its shape", () => {
  const message = {
    type: "tensor",
    generation: 1,
    request: 1,
    tensor: "x",
    dataType: "float32",
    shape: [2],
  } as const;
  expect(() => tensorOf({ message, payload: new Uint8Array(7) })).toThrow(
    "float32 [2] needs 8 bytes, 7 came",
  );
});

test("keeps code, message and details of an error, and says that one without a code is unexpected", () => {
  const coded = { code: "DEVICE_LOST", message: "gone", details: { device: "d" } } as const;
  expect(toWire(fromWire(coded))).toEqual(coded);
  expect(toWire(new Error("oh"))).toMatchObject({
    code: "RUNTIME_FAILED",
    message: "unexpected: oh",
  });
});

test("takes secrets to be the same exactly when they are", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(isSameSecret(one, other)).toBe(one === other);
      expect(isSameSecret(one, one)).toBe(true);
    }),
  );
});
