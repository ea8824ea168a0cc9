/**
 * The bytes of a frame: a prefix of 16 bytes, a JSON header, and a payload that travels as it is.
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 3 | `PTA` |
 * | 3 | 1 | version, 1 |
 * | 4 | 4 | length of the header in bytes, little-endian |
 * | 8 | 8 | length of the payload in bytes, little-endian |
 *
 * A prefix with both lengths zero is the goodbye: without it, the end of a stream means that the
 * other side was lost, since the kernel ends the streams of a killed process as politely as `close`.
 *
 * @module
 */
import { CodedError, messageOf } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import { type Arriving, defaultLimits, type Frame, type FrameLimits } from "./transport.ts";

const prefixBytes = 16;
const wordValues = 2 ** 32;
const magic = [0x50, 0x54, 0x41];
const version = 1;
/** Of every prefix. */
const firstBytes: readonly number[] = [...magic, version];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Room for many small frames in one read; the start of a large payload is copied out of it. */
const scratchBytes = 1 << 16;
/** Smaller payloads come at once. */
const timedBytes = 1 << 12;
/** Bytes that were there at once count as no more than so many times those that came behind them. */
const mostEarly = 2;

/** The last bytes of a stream that was closed on purpose. */
export const goodbye: Uint8Array<ArrayBuffer> = new Uint8Array(prefixBytes);
writePrefix(goodbye, 0, 0);

/**
 * Prefix and header of a frame. The payload is written after it, never joined with it.
 *
 * @throws FRAME_MALFORMED if header or payload exceed `limits`
 */
export function encodeHeader(
  frame: Frame,
  limits: FrameLimits = defaultLimits,
): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(JSON.stringify(frame.header));
  requireWithin(text.byteLength, frame.payload.byteLength, limits);
  const bytes = new Uint8Array(prefixBytes + text.byteLength);
  writePrefix(bytes, text.byteLength, frame.payload.byteLength);
  bytes.set(text, prefixBytes);
  return bytes;
}

function writePrefix(bytes: Uint8Array, headerBytes: number, payloadBytes: number): void {
  bytes.set(firstBytes);
  writeWord(bytes, 4, headerBytes);
  writeWord(bytes, 8, payloadBytes);
  writeWord(bytes, 12, Math.floor(payloadBytes / wordValues));
}

/** The lower 32 bits of a whole number. */
function writeWord(bytes: Uint8Array, offset: number, value: number): void {
  for (let byte = 0; byte < 4; byte++) bytes[offset + byte] = value >>> (8 * byte);
}

function readWord(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let byte = 3; byte >= 0; byte--) value = value * 256 + (bytes[offset + byte] as number);
  return value;
}

function requireWithin(headerBytes: number, payloadBytes: number, limits: FrameLimits): void {
  requireAtMost("header", headerBytes, limits.headerBytes);
  requireAtMost("payload", payloadBytes, limits.payloadBytes);
}

function requireAtMost(what: string, observed: number, limit: number): void {
  if (observed <= limit) return;
  throw malformed(`its ${what} has ${observed} bytes, at most ${limit} are allowed`, {
    what,
    bytes: observed,
    limit,
  });
}

function malformed(why: string, details: Record<string, unknown>, cause?: unknown): CodedError {
  return new CodedError("FRAME_MALFORMED", `frame refused: ${why}`, details, cause);
}

export interface FrameSink {
  readonly limits: FrameLimits;
  /** Called for each frame as soon as its last byte is there. */
  readonly onFrame: (frame: Frame) => void;
  /** The other side closed on purpose; nothing may follow. */
  readonly onGoodbye: () => void;
  /** Memory for one payload, in an ArrayBuffer of its own; need not be zeroed. */
  readonly allocate?: (bytes: number) => Uint8Array<ArrayBuffer>;
  /** With it, frames with larger payloads say when they came. */
  readonly now?: () => Seconds;
}

/** A frame whose header is known and whose payload is being filled. */
interface Filling {
  readonly header: Frame["header"];
  readonly payload: Uint8Array<ArrayBuffer>;
  filled: number;
  /** When its first bytes were seen; `null`: nobody asks. */
  readonly beganSeconds: Seconds | null;
  /** How many there were by then: an encrypted stream, or a sleepy reader, gives many at once. */
  readonly earlyBytes: number;
}

/**
 * Turns a stream of bytes, however it is chopped, into frames. A reader that can choose where its
 * bytes go puts them into `target()` and calls `received`; any other calls `push`.
 *
 * O(bytes) time; holds one header and one payload at a time. After an error it must not be used.
 */
export class FrameDecoder {
  /** Of the frames whose prefix has not been read. */
  limits: FrameLimits;
  readonly #sink: FrameSink;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixFilled = 0;
  /** Allocated once its length is known and allowed. */
  #header: Uint8Array<ArrayBuffer> | null = null;
  #headerFilled = 0;
  #payloadBytes = 0;
  #filling: Filling | null = null;
  #scratch: Uint8Array<ArrayBuffer> | null = null;
  #saidGoodbye = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
    this.limits = sink.limits;
  }

  /** Where the next bytes of the stream belong: a payload's own memory, or scratch. Never empty. */
  target(): Uint8Array<ArrayBuffer> {
    const filling = this.#filling;
    if (filling !== null) return filling.payload.subarray(filling.filled);
    this.#scratch ??= new Uint8Array(scratchBytes);
    return this.#scratch;
  }

  /** What has come of a large payload that is not all here; `null`: there is none. */
  get arriving(): Arriving | null {
    const now = this.#sink.now?.();
    const { beganSeconds = null, filled = 0, earlyBytes = 0 } = this.#filling ?? {};
    if (beganSeconds === null || now === undefined) return null;
    return { bytes: filled - earlyBytes, seconds: seconds(now - beganSeconds) };
  }

  /**
   * The first `count` bytes of `target()` have been written.
   *
   * @throws FRAME_MALFORMED
   */
  received(count: number): void {
    if (this.#filling === null) this.push(this.target().subarray(0, count));
    else this.#fill(this.#filling, count);
  }

  /**
   * Takes bytes that lie elsewhere; they are copied.
   *
   * @throws FRAME_MALFORMED
   */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) rest = rest.subarray(this.#take(rest));
  }

  /**
   * The stream has ended.
   *
   * @throws FRAME_MALFORMED in mid-frame
   * @throws CHANNEL_CLOSED between two frames, without a goodbye
   */
  end(): void {
    if (this.#saidGoodbye) return;
    if (this.#filling !== null || this.#header !== null || this.#prefixFilled > 0) {
      throw malformed("the stream ended in the middle of it", {});
    }
    throw new CodedError("CHANNEL_CLOSED", "the other side went away without closing");
  }

  /** Copies what belongs to the part of the frame that is being read, and says how much that was. */
  #take(bytes: Uint8Array): number {
    if (this.#saidGoodbye) throw malformed("bytes follow the goodbye", {});
    if (this.#filling !== null) {
      const count = copyInto(this.#filling.payload, this.#filling.filled, bytes);
      this.#fill(this.#filling, count);
      return count;
    }
    if (this.#header !== null) return this.#takeHeader(this.#header, bytes);
    const count = copyInto(this.#prefix, this.#prefixFilled, bytes);
    this.#prefixFilled += count;
    this.#checkPrefix();
    if (this.#prefixFilled === prefixBytes) this.#readPrefix();
    return count;
  }

  /** Byte by byte, so that a stranger who says less than 16 bytes is refused as well. */
  #checkPrefix(): void {
    const known = Math.min(this.#prefixFilled, firstBytes.length);
    for (let index = 0; index < known; index++) {
      if (this.#prefix[index] === firstBytes[index]) continue;
      throw unlike(this.#prefix.subarray(0, this.#prefixFilled), index);
    }
  }

  #readPrefix(): void {
    const headerBytes = readWord(this.#prefix, 4);
    const payloadBytes = readWord(this.#prefix, 12) * wordValues + readWord(this.#prefix, 8);
    this.#prefixFilled = 0;
    if (headerBytes === 0 && payloadBytes === 0) {
      this.#saidGoodbye = true;
      this.#sink.onGoodbye();
      return;
    }
    if (headerBytes === 0) throw malformed("it has no header", { payloadBytes });
    requireWithin(headerBytes, payloadBytes, this.limits);
    this.#header = new Uint8Array(headerBytes);
    this.#headerFilled = 0;
    this.#payloadBytes = payloadBytes;
  }

  #takeHeader(into: Uint8Array<ArrayBuffer>, bytes: Uint8Array): number {
    const count = copyInto(into, this.#headerFilled, bytes);
    this.#headerFilled += count;
    if (this.#headerFilled < into.byteLength) return count;
    const header = parseHeader(into);
    this.#header = null;
    const allocate = this.#sink.allocate ?? ((size: number) => new Uint8Array(size));
    const isTimed = this.#payloadBytes >= timedBytes;
    const beganSeconds = isTimed ? (this.#sink.now?.() ?? null) : null;
    const earlyBytes = Math.min(bytes.byteLength - count, this.#payloadBytes);
    const payload = allocate(this.#payloadBytes);
    const filling = { header, payload, filled: 0, beganSeconds, earlyBytes };
    this.#filling = filling;
    this.#fill(filling, 0);
    return count;
  }

  #fill(filling: Filling, count: number): void {
    filling.filled += count;
    if (filling.filled < filling.payload.byteLength) return;
    this.#filling = null;
    const { header, payload } = filling;
    const arrival = this.#arrivalOf(filling);
    this.#sink.onFrame({ header, payload, ...(arrival === null ? {} : { arrival }) });
  }

  /** The bytes that were there at once took as long to come as the others did, each. */
  #arrivalOf({ payload, beganSeconds, earlyBytes }: Filling): NonNullable<Frame["arrival"]> | null {
    const endedSeconds = this.#sink.now?.();
    if (beganSeconds === null || endedSeconds === undefined) return null;
    // Few that come late say too little of how long many took.
    const times = Math.min(mostEarly, earlyBytes / (payload.byteLength - earlyBytes));
    const earlySeconds = earlyBytes > 0 ? (endedSeconds - beganSeconds) * times : 0;
    return { beganSeconds: seconds(beganSeconds - earlySeconds), endedSeconds };
  }
}

function copyInto(target: Uint8Array, offset: number, source: Uint8Array): number {
  const count = Math.min(target.byteLength - offset, source.byteLength);
  target.set(source.subarray(0, count), offset);
  return count;
}

/** @param index of the first byte that is not as expected */
function unlike(prefix: Uint8Array, index: number): CodedError {
  const found = [...prefix.subarray(0, 4)].map((value) => value.toString(16).padStart(2, "0"));
  const what = index < magic.length ? firstBytesAre(prefix) : "unknown version";
  return malformed(`${what}: ${found.join(" ")}, expected 50 54 41 01`, { found });
}

/** 0x16 begins a TLS handshake, 0x15 a TLS alert (RFC 8446, 5.1). */
function firstBytesAre([first]: Uint8Array): string {
  if (first !== 0x16 && first !== 0x15) return "these are not its first bytes";
  return "the other side speaks TLS, this one does not (the token with a fingerprint makes TLS)";
}

function parseHeader(bytes: Uint8Array): Frame["header"] {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw malformed(`its header is not JSON: ${messageOf(error)}`, {}, error);
  }
  if (!isHeader(value)) throw malformed("its header is not an object with a string `type`", {});
  return value;
}

function isHeader(value: unknown): value is Frame["header"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "type" in value && typeof value.type === "string";
}
