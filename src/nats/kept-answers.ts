/**
 * Answers that wait for whoever asked.
 *
 * @module
 */
import type { Engine } from "./engine.ts";
import { engineError, isOvertaken, isRefusal } from "./engine-error.ts";
import { dropBody, lighten } from "./kept-bodies.ts";
import { removeRequest } from "./kept-requests.ts";
import { encodeAnswer, type KeptAnswer } from "./request-bytes.ts";
import { watchKey } from "./watched-key.ts";

/** An answer as it stands in its bucket. */
export interface Standing {
  readonly message: Uint8Array;
  /** Rises with each answer. */
  readonly revision: number;
}

/** Whether an answer waits to be taken. @throws ENGINE_UNAVAILABLE */
export async function isAnswered({ answers }: Engine, key: string): Promise<boolean> {
  try {
    return (await answers.get(key))?.operation === "PUT";
  } catch (error) {
    throw engineError(`the answer '${key}' cannot be looked for`, error);
  }
}

/**
 * Keeps an answer until it is taken, unless there is one already, and takes its request from the
 * queue. A request that is not in the queue any more was answered before, by another one, or given up:
 * then nobody waits for this answer.
 *
 * @throws ENGINE_FULL; ENGINE_UNAVAILABLE, also where it is kept all the same
 */
export async function keepAnswer(engine: Engine, key: string, answer: KeptAnswer): Promise<void> {
  const message = await lighten(engine, `answer.${key}`, encodeAnswer(answer));
  let revision: number;
  try {
    revision = await engine.answers.create(key, message);
  } catch (error) {
    // Where the server has not said so it may be kept, with what it refers to.
    if (isRefusal(error)) await dropBody(engine, message);
    if (isOvertaken(error)) return;
    throw engineError(`the answer '${key}' cannot be kept`, error);
  }
  const isOwn = await removeRequest(engine, answer.place);
  if (!isOwn) await removeAnswer(engine, { message, revision });
}

/** Resolves with an answer when there is one. @throws ENGINE_UNAVAILABLE; the signal's reason */
export async function awaitAnswer(
  engine: Engine,
  key: string,
  signal: AbortSignal,
): Promise<Standing> {
  let why: unknown = new Error("the connection to the server has broken");
  try {
    const entries = watchKey(engine.answers, key, engine.breaks, signal);
    for await (const { operation, value, revision } of entries) {
      if (operation === "PUT") return { message: value, revision };
    }
  } catch (error) {
    why = error;
  }
  signal.throwIfAborted();
  throw engineError(`'${key}' cannot be watched`, why);
}

/** Removes an answer, and every trace of it. What cannot be removed now ends by itself. */
export async function removeAnswer(engine: Engine, { message, revision }: Standing): Promise<void> {
  const { manager, names } = engine;
  // A key that is deleted as keys are would leave a message behind, for each request.
  await manager.streams.deleteMessage(names.answerStream, revision, false).catch(() => undefined);
  await dropBody(engine, message);
}
