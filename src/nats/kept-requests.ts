/**
 * Requests that wait for somebody to answer them.
 *
 * @module
 */
import { AckPolicy, type Consumer, DeliverPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Engine } from "./engine.ts";
import { engineError, isGone } from "./engine-error.ts";
import { dropBody, isSameBody } from "./kept-bodies.ts";
import { answerKey, consumerName, requestSubject } from "./names.ts";

/** Whoever takes a request says so often that it still works on it, in milliseconds. */
export const workingMilliseconds = 400;
/** A request whose taker has been silent for so long is given to another one. */
const silentMilliseconds = 1500;
/** More requests than any bridge takes. */
const mostTaken = 1024;

/** A request that was accepted. */
export interface Accepted {
  /** In the queue. */
  readonly place: number;
  /** What stands there. */
  readonly message: Uint8Array;
}

/**
 * Resolves when a request is accepted: from then on it is not lost. The same id within two minutes
 * is the same request, unless that one has left the queue and is still wanted.
 *
 * @param message what `lighten` made of the request; it may be given again after an error
 * @param isOver whether a request that is not in the queue is wanted no more: its answer waits, perhaps
 * @throws ENGINE_FULL; ENGINE_UNAVAILABLE, also where it was accepted all the same
 */
export async function submit(
  engine: Engine,
  model: string,
  id: string,
  message: Uint8Array,
  isOver: () => Promise<boolean>,
): Promise<Accepted> {
  const { stream, cluster, names } = engine;
  const key = answerKey(model, id);
  try {
    for (let msgID = key; ; ) {
      const expect = { streamName: names.requests };
      const subject = requestSubject(cluster, model);
      const { seq, duplicate } = await stream.publish(subject, message, { msgID, expect });
      if (!duplicate) return { place: seq, message };
      const queued = await queuedAt(engine, seq);
      if (queued !== null || (await isOver())) {
        // Unless this is the one that stands there, which was not acknowledged before.
        if (queued === null || !isSameBody(queued, message)) await dropBody(engine, message);
        return { place: seq, message: queued ?? message };
      }
      msgID = `${key}.${seq}`;
    }
  } catch (error) {
    throw engineError(`request '${id}' cannot be kept`, error);
  }
}

/** A request that waits to be answered; `null`: it does not wait. @throws ENGINE_UNAVAILABLE */
export async function queuedAt(
  { manager, names }: Engine,
  place: number,
): Promise<Uint8Array | null> {
  try {
    return (await manager.streams.getMessage(names.requests, { seq: place }))?.data ?? null;
  } catch (error) {
    throw engineError("the queue of requests cannot be read", error);
  }
}

/**
 * Takes a request from the queue.
 *
 * @returns `false`: it was not there any more
 * @throws ENGINE_UNAVAILABLE
 */
export async function removeRequest({ manager, names }: Engine, place: number): Promise<boolean> {
  try {
    return await manager.streams.deleteMessage(names.requests, place, false);
  } catch (error) {
    if (isGone(error)) return false;
    throw engineError("a request cannot be taken from the queue", error);
  }
}

/** Takes a request back that nobody has answered yet. */
export async function withdraw(engine: Engine, { place, message }: Accepted): Promise<void> {
  // If nobody can be told, it is answered in vain.
  await removeRequest(engine, place).catch(() => undefined);
  await dropBody(engine, message);
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
    throw engineError(`the requests for '${model}' cannot be taken`, error);
  }
}
