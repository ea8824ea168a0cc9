import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import type { Client } from "../cluster/client.ts";
import type { RequestTimings } from "../cluster/data-message.ts";
import type { Answer } from "./tensors/answers.ts";
import type { InputFile } from "./tensors/inputs.ts";

export interface TimedAnswer extends Answer {
  /** The number that the request has in all logs. */
  readonly request: number;
  readonly timings: RequestTimings;
}

export interface Answered {
  /** In the order of the requests. */
  readonly answers: readonly TimedAnswer[];
  /** From the first request to the last answer. */
  readonly seconds: number;
  /**
   * Answers a second once the pipeline is full and warm: between the last of the first requests that
   * were sent at once and the last of all; `null`: too few were sent to tell.
   */
  readonly steadyPerSecond: number | null;
}

/** Answers behind the first ones, at least, by which a rate is told. */
const leastSteady = 10;

export interface Asking {
  /** `null`: as long as it takes. */
  readonly deadlineSeconds: number | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** So many at once at most; left out: as many as the cluster takes. */
  readonly atOnce?: number;
  readonly onAnswer: (answer: TimedAnswer) => void;
}

/**
 * Sends requests, left to itself as many at once as the cluster takes, so that its stages overlap. The
 * first that fails ends it.
 *
 * @throws as `Client.infer`
 */
export async function askAll(
  client: Client,
  requests: readonly InputFile[],
  { deadlineSeconds, clock, signal, onAnswer, atOnce = client.window }: Asking,
): Promise<Answered> {
  const started = clock.now();
  const answers: TimedAnswer[] = [];
  const answeredAt: number[] = [];
  const waiting = requests.entries();
  const ask = async (): Promise<void> => {
    for (const [position, { name, values }] of waiting) {
      signal.throwIfAborted();
      const { request, outputs, timings } = await client
        .infer(values, { deadlineSeconds, signal })
        .catch((error: unknown) => Promise.reject(named(name, error)));
      const answer = { request, name, outputs, timings };
      answers[position] = answer;
      answeredAt.push(clock.now());
      onAnswer(answer);
    }
  };
  const window = Math.min(atOnce, client.window);
  await Promise.all(Array.from({ length: window }, () => ask()));
  const seconds = clock.now() - started;
  return { answers, seconds, steadyPerSecond: steadyRate(answeredAt, window) };
}

/**
 * The rate behind the first answers, which wait for an empty pipeline to fill and for code to be
 * compiled.
 *
 * @param answeredAt moments in seconds, ascending
 * @param window requests that were sent at once
 */
export function steadyRate(answeredAt: readonly number[], window: number): number | null {
  const steady = answeredAt.slice(window - 1);
  const [first, last] = [steady[0], steady.at(-1)];
  if (first === undefined || last === undefined || steady.length <= leastSteady) return null;
  return last > first ? (steady.length - 1) / (last - first) : null;
}

/** With many requests, which one was refused? Of a lost cluster all are the same. */
function named(name: string, error: unknown): unknown {
  if (!isCoded(error) || !error.code.startsWith("TENSOR_")) return error;
  return new CodedError(error.code, `${name}: ${error.message}`, error.details, error);
}
