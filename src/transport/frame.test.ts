import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../test/fixtures/code-of.ts";
import { seconds } from "../base/units.ts";
import { encodeHeader, FrameDecoder, goodbye } from "./frame.ts";
import { defaultLimits, type Frame, type FrameLimits } from "./transport.ts";

const header = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  .map((rest) => JSON.parse(JSON.stringify({ ...rest, type: "any" })) as Frame["header"]);
const payload = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes): Uint8Array<ArrayBuffer> => new Uint8Array(bytes));
const frames = fc.array(fc.record({ header, payload }), { maxLength: 6 });
/** Lengths of the pieces in which a stream arrives; reused from the start when used up. */
const pieces = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 10 });

interface Heard {
  readonly frames: Frame[];
  saidGoodbye: boolean;
  /** Bytes of payload that were asked for. */
  allocated: number;
}

function listenTo(limits: FrameLimits = defaultLimits): { decoder: FrameDecoder; heard: Heard } {
  const heard: Heard = { frames: [], saidGoodbye: false, allocated: 0 };
  const decoder = new FrameDecoder({
    limits,
    onFrame: (frame) => heard.frames.push(frame),
    onGoodbye: () => {
      heard.saidGoodbye = true;
    },
    allocate: (bytes) => {
      heard.allocated += bytes;
      return new Uint8Array(bytes);
    },
  });
  return { decoder, heard };
}

function encode(all: readonly Frame[]): Uint8Array {
  return Buffer.concat([...all.flatMap((frame) => [encodeHeader(frame), frame.payload]), goodbye]);
}

function* chop(stream: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let start = 0, turn = 0; start < stream.byteLength; turn++) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    yield stream.subarray(start, end);
    start = end;
  }
}

/** Feeds a piece as a reader does that chooses where its bytes go. */
function readInPlace(decoder: FrameDecoder, piece: Uint8Array): void {
  for (let rest = piece; rest.byteLength > 0; ) {
    const target = decoder.target();
    const count = Math.min(target.byteLength, rest.byteLength);
    target.set(rest.subarray(0, count));
    decoder.received(count);
    rest = rest.subarray(count);
  }
}

const bytesOf = (frame: Frame): Uint8Array => Buffer.concat([encodeHeader(frame), frame.payload]);

/** A prefix with any contents. */
function prefix(headerBytes: number, payloadBytes: bigint, start = "PTA\x01"): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.write(start, "latin1");
  bytes.writeUInt32LE(headerBytes, 4);
  bytes.writeBigUInt64LE(payloadBytes, 8);
  return bytes;
}

test("frames come out as they went in, however the stream is chopped and read", () => {
  fc.assert(
    fc.property(frames, pieces, fc.array(fc.boolean(), { minLength: 1 }), (all, sizes, ways) => {
      const { decoder, heard } = listenTo();
      let turn = 0;
      for (const piece of chop(encode(all), sizes)) {
        if (ways[turn++ % ways.length]) decoder.push(piece);
        else readInPlace(decoder, piece);
      }
      decoder.end();
      expect(heard.frames).toEqual(all);
      expect(heard.saidGoodbye).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("a corrupted stream gives frames or FRAME_MALFORMED, never anything else", () => {
  const corruption = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
  // Random headers may be longer than one would think.
  const limits = { headerBytes: 2 ** 17, payloadBytes: 1000 };
  let refused = 0;
  fc.assert(
    fc.property(frames, pieces, fc.array(corruption, { maxLength: 4 }), (all, sizes, changes) => {
      const stream = Uint8Array.from(encode(all));
      for (const { at, value } of changes) stream[at % stream.byteLength] = value;
      const { decoder, heard } = listenTo(limits);
      const result = codeOf(() => {
        for (const piece of chop(stream, sizes)) readInPlace(decoder, piece);
        decoder.end();
      });
      expect(["none", "FRAME_MALFORMED", "CHANNEL_CLOSED"]).toContain(result);
      if (result === "FRAME_MALFORMED") refused++;
      if (changes.length === 0) expect(heard.frames).toEqual(all);
      expect(heard.allocated).toBeLessThanOrEqual(1000 * (heard.frames.length + 1));
      for (const frame of heard.frames) expect(typeof frame.header.type).toBe("string");
    }),
    { numRuns: 3000 },
  );
  expect(refused).toBeGreaterThan(500);
});

test("random bytes are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      fc.pre(bytes[0] !== 0x50);
      expect(codeOf(() => listenTo().decoder.push(bytes))).toBe("FRAME_MALFORMED");
    }),
    { numRuns: 1000 },
  );
});

test("a stream that ends in mid-frame is malformed, between frames its other side is lost", () => {
  const stream = bytesOf({ header: { type: "cut" }, payload: new Uint8Array(20) });
  for (let length = 0; length <= stream.byteLength; length++) {
    const { decoder } = listenTo();
    decoder.push(stream.subarray(0, length));
    const whole = length === 0 || length === stream.byteLength;
    expect(codeOf(() => decoder.end())).toBe(whole ? "CHANNEL_CLOSED" : "FRAME_MALFORMED");
  }
});

test.each([
  ["a header that is too long", prefix(101, 0n)],
  ["a header of 4 GB", prefix(0xffffffff, 0n)],
  ["a payload that is too long", prefix(2, 1001n)],
  ["a payload of 16 EB", prefix(2, 2n ** 64n - 1n)],
  ["a payload without header", prefix(0, 10n)],
  ["an unknown version", prefix(2, 0n, "PTA\x02")],
])("refuses %s before anything is allocated", (_, bytes) => {
  const { decoder, heard } = listenTo({ headerBytes: 100, payloadBytes: 1000 });
  expect(codeOf(() => decoder.push(bytes))).toBe("FRAME_MALFORMED");
  expect(heard.allocated).toBe(0);
});

test.each(["", "{", "[]", "null", "7", '{"type":7}', "{}", '{"type":"\xff"}'])(
  "refuses the header %j",
  (text) => {
    const bytes = Buffer.from(text, "latin1");
    const { decoder } = listenTo();
    const stream = Buffer.concat([prefix(bytes.byteLength, 1n), bytes, Buffer.from([0])]);
    expect(codeOf(() => decoder.push(stream))).toBe("FRAME_MALFORMED");
  },
);

test("a large payload is read straight into its own memory", () => {
  const { decoder, heard } = listenTo();
  decoder.push(encodeHeader({ header: { type: "big" }, payload: new Uint8Array(1 << 20) }));
  const target = decoder.target();
  expect(target.byteLength).toBe(1 << 20);
  decoder.received(1 << 20);
  expect(heard.frames[0]?.payload.buffer).toBe(target.buffer);
});

test("frames in front of a malformed one are delivered", () => {
  const { decoder, heard } = listenTo();
  const good = { header: { type: "good" }, payload: new Uint8Array([1, 2]) };
  expect(codeOf(() => decoder.push(Buffer.concat([bytesOf(good), Buffer.from("oops")])))).toBe(
    "FRAME_MALFORMED",
  );
  expect(heard.frames).toEqual([good]);
});

/** When a payload of 10,000 bytes came of which so many are seen each second, with its header the first. */
function arrivalOf(chunkBytes: number): Frame["arrival"] {
  const seen: Frame[] = [];
  let time = 0;
  const decoder = new FrameDecoder({
    limits: defaultLimits,
    onFrame: (frame) => seen.push(frame),
    onGoodbye: () => undefined,
    now: () => seconds(time),
  });
  const frame = { header: { type: "big" }, payload: new Uint8Array(10_000) };
  const first = bytesOf(frame).byteLength - 10_000 + chunkBytes;
  decoder.push(bytesOf(frame).subarray(0, first));
  for (const piece of chop(bytesOf(frame).subarray(first), [chunkBytes])) {
    time++;
    decoder.push(piece);
  }
  decoder.push(bytesOf({ header: { type: "small" }, payload: new Uint8Array(10) }));
  expect(seen[1]?.arrival).toBeUndefined();
  return seen[0]?.arrival;
}

test("says when a large payload began and ended to come in", () => {
  // The first bytes are seen when all of their chunk is there, which took as long as another one.
  expect(arrivalOf(1000)).toEqual({ beganSeconds: expect.closeTo(-1, 9), endedSeconds: 9 });
  expect(arrivalOf(5000)).toEqual({ beganSeconds: -1, endedSeconds: 1 });
  expect(arrivalOf(10_000)).toEqual({ beganSeconds: 0, endedSeconds: 0 });
});

test("few bytes that come behind many say little of how long those took", () => {
  expect(arrivalOf(9990)).toEqual({ beganSeconds: -2, endedSeconds: 1 });
});

test("says how much of a large payload has come in since it was first seen", () => {
  let time = 0;
  const decoder = new FrameDecoder({
    limits: defaultLimits,
    onFrame: () => undefined,
    onGoodbye: () => undefined,
    now: () => seconds(time),
  });
  const bytes = bytesOf({ header: { type: "big" }, payload: new Uint8Array(10_000) });
  const first = bytes.byteLength - 9000;
  expect(decoder.arriving).toBeNull();
  decoder.push(bytes.subarray(0, first));
  time = 2;
  expect(decoder.arriving).toEqual({ bytes: 0, seconds: 2 });
  decoder.push(bytes.subarray(first, first + 3000));
  time = 3;
  expect(decoder.arriving).toEqual({ bytes: 3000, seconds: 3 });
  decoder.push(bytes.subarray(first + 3000));
  expect(decoder.arriving).toBeNull();
});
