/**
 * Requests that wait for somebody to answer them.
 *
 * @module
 */
import { AckPolicy, type Consumer, DeliverPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Engine } from "./engine.ts";
import { engineError, isGone, isRefusal } from "./engine-error.ts";
import { dropBody, lighten } from "./kept-bodies.ts";
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
  /** What whoever asked has sent, which nobody else refers to. */
  readonly message: Uint8Array;
}

/**
 * Resolves when a request is accepted: from then on it is not lost. The same id within two minutes
 * is the same request, unless that one has left the queue and is not answered.
 *
 * @param isStanding whether the request at a place is in the queue, or its answer waits
 * @throws ENGINE_FULL; ENGINE_UNAVAILABLE, also where it was accepted all the same
 */
export async function submit(
  engine: Engine,
  model: string,
  id: string,
  bytes: Uint8Array,
  isStanding: (place: number) => Promise<boolean>,
): Promise<Accepted> {
  const { stream, cluster, names } = engine;
  const key = answerKey(model, id);
  const message = await lighten(engine, `request.${key}`, bytes);
  try {
    for (let msgID = key; ; ) {
      const expect = { streamName: names.requests };
      const subject = requestSubject(cluster, model);
      const { seq, duplicate } = await stream.publish(subject, message, { msgID, expect });
      if (!duplicate) return { place: seq, message };
      if (await isStanding(seq)) {
        await dropBody(engine, message);
        return { place: seq, message };
      }
      msgID = `${key}.${seq}`;
    }
  } catch (error) {
    if (isRefusal(error)) await dropBody(engine, message);
    throw engineError(`request '${id}' cannot be kept`, error);
  }
}

/** Whether a request waits to be answered. @throws ENGINE_UNAVAILABLE */
export async function isQueued({ manager, names }: Engine, place: number): Promise<boolean> {
  try {
    return (await manager.streams.getMessage(names.requests, { seq: place })) !== null;
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
