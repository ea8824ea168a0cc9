import fc from "fast-check";
import { expect, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { encodeHeader } from "../transport/frame.ts";
import type { Frame } from "../transport/transport.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  tensorFrame,
  tensorOf,
  toWire,
} from "./protocol.ts";
import { mostAddresses } from "./schema-terms.ts";
import { isSameSecret, sha256Hex } from "./secret.ts";

const samples = Object.values(sampleMessages);
const name = fc.string({ minLength: 1 });
const sha256 = fc.uint8Array().map(sha256Hex);

test.each(samples.map((message) => [message.type, message] as const))(
  "reads what it wrote: %s",
  (_, message) => {
    expect(decodeMessage(encodeMessage(message)).message).toEqual(message);
  },
);

test("reads offers of any parts", () => {
  const offer = fc.record({
    type: fc.constant("offer" as const),
    generation: fc.nat(),
    purpose: fc.constantFrom("load" as const, "prefetch" as const),
    body: fc.record({
      parts: fc.array(
        fc.record({
          stage: name,
          skeleton: fc.record({ sha256, bytes: fc.nat() }),
          weights: fc.array(fc.record({ name, sha256, bytes: fc.nat() })),
          threads: fc.constant(1),
          memoryBytes: fc.nat(),
        }),
      ),
    }),
  });
  fc.assert(
    fc.property(offer, (message) => {
      expect(decodeMessage(encodeMessage(message)).message).toEqual(message);
    }),
  );
});

/** A frame of this protocol with some of its fields lost, doubled or replaced by nonsense. */
const damaged: fc.Arbitrary<Frame> = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.dictionary(
      fc.oneof(fc.constantFrom(...samples.flatMap((one) => Object.keys(one))), fc.string()),
      fc.anything(),
    ),
    fc.array(fc.nat()),
    fc.uint8Array(),
  )
  .map(([message, fields, lost, payload]) => {
    const { header, payload: body } = encodeMessage(message);
    const kept = Object.entries(header).filter(([key], at) => key === "type" || !lost.includes(at));
    const type = typeof fields["type"] === "string" ? fields["type"] : header.type;
    return {
      header: { ...Object.fromEntries(kept), ...fields, type },
      payload: new Uint8Array(payload.length % 3 === 0 ? body : payload),
    };
  });

test("reads any frame as a message or refuses it as malformed, nothing else", () => {
  fc.assert(
    fc.property(damaged, (frame) => {
      try {
        expect(decodeMessage(frame).message.type).toBe(frame.header.type);
      } catch (error) {
        expect(error).toMatchObject({ code: "FRAME_MALFORMED" });
      }
    }),
    { numRuns: 1000 },
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
    { type: "toString" },
    { type: "welcome" },
    { type: "welcome", heartbeatSeconds: -1, missedHeartbeats: 3, certificate: null },
    { type: "loaded", generation: 1, more: true },
    { type: "offer", generation: 1, purpose: "load" },
  ]) {
    expect(() => decodeMessage({ header, payload })).toThrow(
      expect.objectContaining({ code: "FRAME_MALFORMED" }),
    );
  }
});

test("what a huge plan makes long fits into a frame: reports, answers, begins, recalls, settlements", async () => {
  const { answer, begin, recall, report, settled } = sampleMessages;
  const times = <T>(entry: T): T[] => Array.from({ length: 10_000 }, () => entry);
  const numbers = Array.from({ length: 60_000 }, (_, number) => 2 ** 40 + number);
  const [stage] = report.stages;
  const stages = times({ ...stage, stage: "s".repeat(100) } as NonNullable<typeof stage>);
  const [hop] = report.hops;
  const hops = times({ ...hop, tensor: "t".repeat(100) } as NonNullable<typeof hop>);
  const resume = { stages: times("s".repeat(200)), forwards: [], answers: [] };
  for (const message of [
    { ...report, stages, hops },
    { ...answer, timings: { ...answer.timings, stages, hops } },
    { ...begin, resume },
    { ...recall, requests: numbers },
    { ...settled, open: numbers },
  ]) {
    const frame = encodeMessage(message);
    expect(encodeHeader(frame).byteLength).toBeLessThan(100);
    expect(decodeMessage(frame)).toEqual({ message, payload: new Uint8Array(0) });
  }
});

test("refuses names, ids and lists of addresses that are longer than anybody needs", () => {
  const { join, ask } = sampleMessages;
  for (const message of [
    { ...join, name: "n".repeat(1025) },
    { ...join, addresses: Array.from({ length: mostAddresses + 1 }, (_, port) => `host:${port}`) },
    { ...ask, id: "i".repeat(129) },
  ]) {
    expect(() => decodeMessage(encodeMessage(message))).toThrow(
      expect.objectContaining({ code: "FRAME_MALFORMED" }),
    );
  }
});

test("refuses a tensor whose bytes do not fill its shape, and a piece of one", () => {
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
  const piece = { ...message, piece: { offset: 0, bytes: 8 } };
  expect(() => tensorOf({ message: piece, payload: new Uint8Array(8) })).toThrow("a piece came");
});

test("keeps code, message and details of an error, and says that one without a code is unexpected", () => {
  const coded = { code: "DEVICE_LOST", message: "gone", details: { device: "d" } } as const;
  expect(toWire(fromWire(coded))).toEqual(coded);
  expect(toWire(new Error("oh"))).toMatchObject({
    code: "RUNTIME_FAILED",
    message: "unexpected: oh",
  });
});

test("an error may say more than anybody is sent", () => {
  const { failure } = sampleMessages;
  const error = toWire(new Error("oh ".repeat(1 << 16)));
  expect(decodeMessage(encodeMessage({ ...failure, error })).message).toMatchObject({ error });
});

test("takes secrets to be the same exactly when they are", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(isSameSecret(one, other)).toBe(one === other);
      expect(isSameSecret(one, one)).toBe(true);
    }),
  );
});
