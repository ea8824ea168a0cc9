/**
 * What no message holds lies in an object, one for each message that refers to it.
 *
 * @module
 */
import { nuid } from "@nats-io/transport-node";
import { seconds } from "../base/units.ts";
import type { Engine } from "./engine.ts";
import { engineError } from "./engine-error.ts";
import { encodeReference, referenceIn } from "./request-bytes.ts";

/** As much of a stream as is used here: portable code has no type for it. */
interface Pieces {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
}

/** Between two pieces of an object. */
const patienceSeconds = seconds(10);

/**
 * What a message is to hold: the bytes, or where they lie if they are too many.
 *
 * @param name what the object is of, for whoever looks
 * @throws ENGINE_FULL, ENGINE_UNAVAILABLE
 */
export async function lighten(
  engine: Engine,
  name: string,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  if (bytes.byteLength <= engine.mostBytes()) return bytes;
  // Of one message alone: whoever is done with that one takes it from nobody else.
  const body = `${name}.${nuid.next()}`;
  try {
    await engine.bodies.putBlob({ name: body }, bytes);
  } catch (error) {
    throw engineError(`'${name}' (${bytes.byteLength} bytes) cannot be kept`, error);
  }
  return encodeReference(body);
}

/**
 * The whole of what a message stands for; `null`: it is there no more, for whoever had the message
 * before is done with it.
 *
 * @throws ENGINE_UNAVAILABLE; FRAME_MALFORMED
 */
export async function wholeOf(engine: Engine, message: Uint8Array): Promise<Uint8Array | null> {
  const body = referenceIn(message);
  if (body === null) return message;
  try {
    const found = await engine.bodies.get(body);
    if (found === null) return null;
    // The stream says it, too.
    found.error.catch(() => undefined);
    return await readAll(found.data, found.info.size, engine);
  } catch (error) {
    throw engineError(`'${body}' cannot be read`, error);
  }
}

async function readAll(
  pieces: Pieces,
  bytes: number,
  { clock, breaks }: Engine,
): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes);
  const reader = pieces.getReader();
  let forget = (): void => undefined;
  const broken = new Promise<never>((_, reject) => {
    forget = breaks.on(() => reject(new Error("the connection to the server has broken")));
  });
  broken.catch(() => undefined);
  try {
    for (let offset = 0; ; ) {
      // Somebody who removes it meanwhile leaves the rest unsaid.
      const over = new AbortController();
      const late = clock.sleep(patienceSeconds, over.signal).then(() => {
        throw new Error(`nothing has come for ${patienceSeconds} s`);
      });
      late.catch(() => undefined);
      const read = Promise.race([reader.read(), late, broken]).finally(() => over.abort());
      const { done, value } = await read;
      if (done || value === undefined) return whole;
      whole.set(value, offset);
      offset += value.byteLength;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    forget();
  }
}

/** Whether two messages stand for the same object, or for none. @throws FRAME_MALFORMED */
export function isSameBody(one: Uint8Array, other: Uint8Array): boolean {
  return referenceIn(one) === referenceIn(other);
}

/** Removes what lies in an object, and every trace of it. What cannot be removed now ends by itself. */
export async function dropBody(
  { bodies, manager, names }: Engine,
  message: Uint8Array,
): Promise<void> {
  const body = referenceIn(message);
  if (body === null) return;
  try {
    const info = await bodies.info(body);
    if (info === null) return;
    // First what says that it is there: nobody begins to read it any more.
    await manager.streams.deleteMessage(names.bodyStream, info.revision, false);
    const filter = `$O.${names.bodies}.C.${info.nuid}`;
    await manager.streams.purge(names.bodyStream, { filter });
  } catch {
    // It is forgotten after a day.
  }
}
