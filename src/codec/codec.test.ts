import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { type Codec, codecNames, openCodecs } from "./codec.ts";

const codecs = await openCodecs();
const names = [...codecNames];

function codecOf(name: string): Codec {
  const codec = codecs.get(name);
  if (codec === undefined) throw new Error(`no codec ${name}`);
  return codec;
}

function floats(values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

/** Half zeros, the rest floats of one size, as after ReLU. */
function activations(count: number): Uint8Array {
  const random = createRandom(1);
  const values = Array.from({ length: count }, () => (random.next() < 0.5 ? 0 : 1 + random.next()));
  return floats(values);
}

test.each(names)("%s gives back any bytes, wherever they begin", (name) => {
  const { encode, decode } = codecOf(name);
  const bytes = fc.uint8Array({ maxLength: 600 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 3 }), (content, offset) => {
      const moved = new Uint8Array(content.length + offset).subarray(offset);
      moved.set(content);
      expect(decode(encode(moved), content.length)).toEqual(new Uint8Array(content));
    }),
  );
});

test.each(names)("%s gives back sparse words: zeros, −0, NaN with payloads, infinities", (name) => {
  const { encode, decode } = codecOf(name);
  const special = fc.constantFrom(0, 0x80000000, 0x7fc00001, 0xffa12345, 0x7f800000, 1);
  const word = fc.oneof({ weight: 5, arbitrary: special }, fc.nat(0xffffffff));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 300 }), (words) => {
      const bytes = new Uint8Array(new Uint32Array(words).buffer);
      expect(decode(encode(bytes), bytes.length)).toEqual(bytes);
    }),
  );
});

test.each(names)("%s gives back what is longer than a block, at any length", (name) => {
  const { encode, decode } = codecOf(name);
  for (const length of [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 3, 2_500_001]) {
    const bytes = activations(Math.ceil(length / 4)).subarray(0, length);
    const coded = encode(bytes);
    expect(Buffer.compare(decode(coded, length), bytes)).toBe(0);
    expect(coded.length).toBeLessThanOrEqual(length + 12 + 4 * Math.ceil(length / (1 << 20)));
  }
});

test("zeros make tensors small, each step more so", () => {
  const bytes = activations(100_000);
  const ratio = (name: string): number => bytes.length / codecOf(name).encode(bytes).length;
  expect(ratio("bitmap")).toBeGreaterThan(1.8);
  expect(ratio("shuffle-zstd")).toBeGreaterThan(ratio("zstd"));
  expect(ratio("bitmap-shuffle-zstd")).toBeGreaterThan(ratio("bitmap"));
});

test("what does not become smaller is sent as it is", () => {
  const random = Uint8Array.from(
    { length: 4096 },
    (_, at) => (Math.imul(at, 2654435761) >>> 13) & 255,
  );
  for (const name of names) expect(codecOf(name).encode(random).length).toBeLessThanOrEqual(4112);
});

test.each(names)("%s refuses what is cut off, longer, or of another size or codec", (name) => {
  const { encode, decode } = codecOf(name);
  const bytes = activations(1000);
  const coded = encode(bytes);
  const refused = (broken: Uint8Array, length = bytes.length): void =>
    expect(() => decode(broken, length)).toThrow(
      expect.objectContaining({ code: "FRAME_MALFORMED" }),
    );
  for (const length of [0, 11, 15, 16, coded.length - 1]) refused(coded.slice(0, length));
  refused(new Uint8Array([...coded, 0]));
  refused(coded, bytes.length - 4);
  refused(coded, bytes.length + 1);
  for (const other of names) if (other !== name) refused(codecOf(other).encode(bytes));
});

test.each(names)(
  "%s decodes any broken byte to something of the right size, or refuses it",
  (name) => {
    const { encode, decode } = codecOf(name);
    const bytes = activations(500);
    const coded = encode(bytes);
    fc.assert(
      fc.property(fc.nat(coded.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const broken = coded.slice();
        broken[at] = (broken[at] ?? 0) ^ change;
        try {
          expect(decode(broken, bytes.length)).toHaveLength(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: "FRAME_MALFORMED" });
        }
      }),
    );
  },
);

test("a few bytes that claim gigabytes are refused before memory is taken", () => {
  const zeros = new Uint8Array(1000);
  for (const name of names) {
    const coded = codecOf(name).encode(zeros);
    for (const claimed of [2 ** 31 - 1, 2 ** 31, 2 ** 40]) {
      const forged = coded.slice();
      new DataView(forged.buffer).setBigUint64(4, BigInt(claimed), true);
      expect(() => codecOf(name).decode(forged, claimed)).toThrow(/block 1 is missing|at most/);
    }
  }
});

test("a block that claims more than it may hold is refused by its own head", () => {
  const { encode, decode } = codecOf("zstd");
  const inner = encode(new Uint8Array(1 << 20));
  const forged = inner.slice();
  const view = new DataView(forged.buffer);
  view.setBigUint64(4, 1000n, true);
  expect(() => decode(forged, 1000)).toThrow(/says that it holds 1048576 bytes/);
});

test.each(names)("%s refuses a block that is longer than the bytes that it stands for", (name) => {
  const bytes = activations(1000);
  const coded = codecOf(name).encode(bytes);
  const forged = new Uint8Array(coded.length + bytes.length);
  forged.set(coded);
  new DataView(forged.buffer).setUint32(12, forged.length - 16, true);
  expect(() => codecOf(name).decode(forged, bytes.length)).toThrow(
    /block 0 is longer than what it holds/,
  );
});
