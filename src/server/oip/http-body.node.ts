/**
 * Bodies of HTTP requests and answers: limits, and compression.
 *
 * @module
 */
import { finished, type Readable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGunzip, createInflate, deflate, type Gunzip, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { CodedError, isCoded, messageOf } from "../../base/errors.ts";
import { Chunks } from "./chunks.ts";
import type { Guest } from "./guest.ts";
import { clientGone } from "./http-visit.node.ts";
import type { RequestLimits } from "./limits.ts";

/**
 * A request's body, no longer compressed; empty if it has none.
 *
 * @param guest holds it from now on
 * @throws REQUEST_INVALID, REQUEST_TOO_LARGE; DEVICE_BUSY if others hold too much just now;
 * REQUEST_DEADLINE_EXCEEDED if it comes too slowly; CHANNEL_CLOSED if the client goes
 */
export async function readBody(
  { headers, raw }: FastifyRequest,
  reply: FastifyReply,
  guest: Guest,
  { bodyBytes, stallSeconds }: RequestLimits,
): Promise<Chunks> {
  let held = 0;
  const take = (bytes: number) => {
    checkSize(held + bytes, bodyBytes);
    guest.take(bytes);
    held += bytes;
  };
  const { displaced } = guest;
  let giveUp: (error: unknown) => void = () => undefined;
  const tooSlow = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const onDisplaced = () => giveUp(displaced.reason);
  const onStall = () => giveUp(stalled(stallSeconds));
  displaced.addEventListener("abort", onDisplaced, { once: true });
  raw.setTimeout(1000 * stallSeconds, onStall);
  try {
    checkSize(Number(headers["content-length"] ?? 0), bodyBytes);
    const decoder = decoderOf(headers["content-encoding"]);
    const body = await Promise.race([collect(raw, decoder, take), tooSlow]);
    guest.arrived(held);
    return body;
  } catch (error) {
    // What else comes is read and dropped, so that the client hears why; of who is slow, not for long.
    raw.resume();
    if (isCoded(error) && error.code === "REQUEST_DEADLINE_EXCEEDED") {
      reply.header("connection", "close");
    }
    throw isCoded(error) ? error : unreadable(error);
  } finally {
    displaced.removeEventListener("abort", onDisplaced);
    raw.off("timeout", onStall);
    raw.setTimeout(0);
  }
}

function stalled(stallSeconds: number): CodedError {
  return new CodedError(
    "REQUEST_DEADLINE_EXCEEDED",
    `nothing of the request came for ${stallSeconds} s, though it was not at its end; send it again`,
    { limitSeconds: stallSeconds },
  );
}

/** @throws REQUEST_TOO_LARGE */
function checkSize(bytes: number, most: number): void {
  if (!(bytes > most)) return;
  throw new CodedError(
    "REQUEST_TOO_LARGE",
    `the body of the request has ${bytes} bytes or more, this server takes at most ${most}; ask for less at once`,
    { bytes, limit: most },
  );
}

function unreadable(error: unknown): CodedError {
  if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return clientGone();
  return new CodedError(
    "REQUEST_INVALID",
    `the body of the request could not be read (${messageOf(error)})`,
    {},
    error,
  );
}

/** @returns `null`: it is not compressed. @throws REQUEST_INVALID */
function decoderOf(encoding = "identity"): Gunzip | null {
  switch (encoding.trim().toLowerCase()) {
    case "identity":
      return null;
    case "gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    default:
      throw new CodedError(
        "REQUEST_INVALID",
        `the Content-Encoding '${encoding.slice(0, 60)}' is not known; send gzip, deflate or identity`,
      );
  }
}

async function collect(
  payload: Readable,
  decoder: Gunzip | null,
  take: (bytes: number) => void,
): Promise<Chunks> {
  if (decoder === null) return await chunksOf(payload, take);
  const onError = (error: Error) => decoder.destroy(error);
  payload.once("error", onError);
  payload.pipe(decoder);
  try {
    return await chunksOf(decoder, take);
  } finally {
    payload.unpipe(decoder);
    payload.off("error", onError);
    // It may fail at what it has taken in, although nobody reads it any more.
    decoder.on("error", () => undefined);
    decoder.destroy();
  }
}

/** @param take is told of each chunk before it is kept, and throws if it is too much */
function chunksOf(stream: Readable, take: (bytes: number) => void): Promise<Chunks> {
  const chunks = new Chunks();
  return new Promise((resolve, reject) => {
    const keep = (chunk: Uint8Array) => {
      try {
        take(chunk.byteLength);
        chunks.push(chunk);
      } catch (error) {
        stream.off("data", keep);
        reject(error);
      }
    };
    stream.on("data", keep);
    finished(stream, { writable: false }, (error) => (error ? reject(error) : resolve(chunks)));
  });
}

const compressors = { gzip: promisify(gzip), deflate: promisify(deflate) };
type Compression = keyof typeof compressors;

/** What is shorter gains nothing worth the time. */
const leastCompressed = 1024;

/** The body in the first of gzip and deflate that the client takes, with its header. */
export async function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Uint8Array,
): Promise<Uint8Array> {
  const compression = acceptedBy(request.headers["accept-encoding"]);
  if (compression === null || body.byteLength < leastCompressed) return body;
  reply.header("content-encoding", compression).header("vary", "accept-encoding");
  // Tensors hardly get smaller by trying harder.
  return await compressors[compression](body, { level: constants.Z_BEST_SPEED });
}

/** @see RFC 9110, "Accept-Encoding": a weight of 0 refuses a coding */
function acceptedBy(header: string | string[] | undefined): Compression | null {
  const codings = String(header ?? "").split(",");
  const accepted = codings.flatMap((coding) => {
    const [name = "", ...parameters] = coding.toLowerCase().split(";");
    const isRefused = parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
    return isRefused ? [] : [name.trim()];
  });
  const known = Object.keys(compressors) as Compression[];
  return known.find((name) => accepted.includes(name)) ?? null;
}
