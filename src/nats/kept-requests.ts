/**
 * Requests that wait for somebody to answer them, and answers that wait for whoever asked.
 *
 * @module
 */
import { AckPolicy, type Consumer, DeliverPolicy } from "@nats-io/jetstream";
import type { KvEntry } from "@nats-io/kv";
import { nanos } from "@nats-io/transport-node";
import { CodedError } from "../base/errors.ts";
import type { Engine } from "./engine.ts";
import { isOvertaken, unavailable } from "./engine-error.ts";
import { answerKey, consumerName, requestSubject } from "./names.ts";
import { encodeReference, referenceIn } from "./request-bytes.ts";

/** Whoever takes a request says so often that it still works on it, in milliseconds. */
export const workingMilliseconds = 400;
/** A request whose taker has been silent for so long is given to another one. */
const silentMilliseconds = 1500;
/** More requests than any bridge takes. */
const mostTaken = 1024;

/**
 * Resolves when a request is accepted: from then on it is not lost. The same id within two minutes
 * is the same request, unless that one was taken back, or its answer was taken.
 *
 * @param signal aborts when whoever asks needs no answer any more
 * @returns its place in the stream
 * @throws ENGINE_UNAVAILABLE, also where it was accepted all the same
 */
export async function submit(
  engine: Engine,
  model: string,
  id: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const { stream, cluster, names } = engine;
  const key = answerKey(model, id);
  try {
    const data = await lighten(engine, `request.${key}`, bytes);
    for (let msgID = key; ; ) {
      const expect = { streamName: names.requests };
      const subject = requestSubject(cluster, model);
      const { seq, duplicate } = await stream.publish(subject, data, { msgID, expect });
      if (!duplicate || (await isUnderWay(engine, key, seq)) || signal.aborted) return seq;
      msgID = `${key}.${seq}`;
    }
  } catch (error) {
    throw unavailable(`request '${id}' cannot be kept`, error);
  }
}

/** Whether a request waits to be answered, or its answer to be taken. */
async function isUnderWay({ manager, names, answers }: Engine, key: string, place: number) {
  // In this order: it leaves the queue when its answer is there.
  if ((await manager.streams.getMessage(names.requests, { seq: place })) !== null) return true;
  return (await answers.get(key))?.operation === "PUT";
}

/** Takes a request back that nobody has answered yet. */
export async function withdraw({ manager, names }: Engine, place: number): Promise<void> {
  // If it has gone, it was answered; if nobody can be told, it is answered in vain.
  await manager.streams.deleteMessage(names.requests, place, false).catch(() => undefined);
}

/** Those who answer a model's requests take them from here, each request one of them. */
export async function openQueue(engine: Engine, model: string): Promise<Consumer> {
  const { manager, stream, names, cluster } = engine;
  const name = consumerName(model);
  try {
    await manager.consumers.add(names.requests, {
      durable_name: name,
      filter_subject: requestSubject(cluster, model),
      deliver_policy: DeliverPolicy.All,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(silentMilliseconds),
      max_deliver: -1,
      max_ack_pending: mostTaken,
    });
    return await stream.consumers.get(names.requests, name);
  } catch (error) {
    throw unavailable(`the requests for '${model}' cannot be taken`, error);
  }
}

/**
 * Whether a request was answered before, even if the answer has been taken.
 *
 * @param since when it was asked: what was taken before was the answer to an earlier one of the same id
 * @throws ENGINE_UNAVAILABLE
 */
export async function wasAnswered(engine: Engine, key: string, since: Date): Promise<boolean> {
  try {
    return isAnswered(await engine.answers.get(key), since);
  } catch (error) {
    throw unavailable(`the answer '${key}' cannot be looked for`, error);
  }
}

function isAnswered(entry: KvEntry | null, since: Date): boolean {
  return entry !== null && (entry.operation === "PUT" || entry.created >= since);
}

/**
 * Keeps an answer until it is taken.
 *
 * @param since when it was asked
 * @returns `false`: there is one already, or was
 * @throws ENGINE_UNAVAILABLE
 */
export async function keepAnswer(
  engine: Engine,
  key: string,
  bytes: Uint8Array,
  since: Date,
): Promise<boolean> {
  const { answers } = engine;
  try {
    const entry = await answers.get(key);
    if (isAnswered(entry, since)) return false;
    const data = await lighten(engine, `answer.${key}`, bytes);
    await answers.put(key, data, { previousSeq: entry?.revision ?? 0 });
    return true;
  } catch (error) {
    if (isOvertaken(error)) return false;
    throw unavailable(`the answer '${key}' cannot be kept`, error);
  }
}

/** Resolves with an answer when there is one. @throws ENGINE_UNAVAILABLE; the signal's reason */
export async function awaitAnswer(
  engine: Engine,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const watched = await engine.answers
    .watch({ key })
    .catch((error: unknown) => Promise.reject(unavailable(`'${key}' cannot be watched`, error)));
  const stop = (): void => watched.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const { operation, value } of watched) if (operation === "PUT") return value;
    signal.throwIfAborted();
    throw unavailable(`'${key}' cannot be watched`, new Error("the watch ended"));
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Whoever asked has the answer: it is kept no longer, only that there was one. */
export async function forgetAnswer(
  { answers, bodies }: Engine,
  key: string,
  bytes: Uint8Array,
): Promise<void> {
  const body = referenceIn(bytes);
  // What cannot be removed now ends by itself.
  await answers.purge(key).catch(() => undefined);
  if (body !== null) await bodies.delete(body).catch(() => undefined);
}

/** The inputs of a request that was answered are kept no longer. */
export async function forgetRequest({ bodies }: Engine, bytes: Uint8Array): Promise<void> {
  const body = referenceIn(bytes);
  if (body !== null) await bodies.delete(body).catch(() => undefined);
}

/** Puts what no message holds into an object. */
async function lighten(engine: Engine, name: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength <= engine.mostBytes()) return bytes;
  await engine.bodies.putBlob({ name }, bytes);
  return encodeReference(name);
}

/** The whole of what was kept. @throws ENGINE_UNAVAILABLE; FRAME_MALFORMED */
export async function wholeOf({ bodies }: Engine, bytes: Uint8Array): Promise<Uint8Array> {
  const body = referenceIn(bytes);
  if (body === null) return bytes;
  const whole = await bodies
    .getBlob(body)
    .catch((error: unknown) => Promise.reject(unavailable(`'${body}' cannot be read`, error)));
  if (whole !== null) return whole;
  throw new CodedError(
    "FRAME_MALFORMED",
    `what '${body}' held is there no more: it was forgotten after a day, or answered`,
  );
}
