/**
 * Requests that wait for somebody to answer them, and answers that wait for whoever asked.
 *
 * @module
 */
import { AckPolicy, type Consumer, DeliverPolicy } from "@nats-io/jetstream";
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
 * is the same request.
 *
 * @returns its place in the stream
 * @throws ENGINE_UNAVAILABLE, also where it was accepted all the same
 */
export async function submit(
  engine: Engine,
  model: string,
  id: string,
  bytes: Uint8Array,
): Promise<number> {
  const { stream, cluster, names } = engine;
  try {
    const data = await lighten(engine, `request.${answerKey(model, id)}`, bytes);
    const accepted = await stream.publish(requestSubject(cluster, model), data, {
      msgID: answerKey(model, id),
      expect: { streamName: names.requests },
    });
    return accepted.seq;
  } catch (error) {
    throw unavailable(`request '${id}' cannot be kept`, error);
  }
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

/** Whether a request was answered before, even if the answer has been taken. @throws ENGINE_UNAVAILABLE */
export async function wasAnswered(engine: Engine, key: string): Promise<boolean> {
  try {
    return (await engine.answers.get(key)) !== null;
  } catch (error) {
    throw unavailable(`the answer '${key}' cannot be looked for`, error);
  }
}

/**
 * Keeps an answer until it is taken.
 *
 * @returns `false`: there is one already
 * @throws ENGINE_UNAVAILABLE
 */
export async function keepAnswer(engine: Engine, key: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await engine.answers.create(key, await lighten(engine, `answer.${key}`, bytes));
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
