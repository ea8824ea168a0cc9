import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import type { Client } from "../cluster/client.ts";
import type { RequestTimings } from "../cluster/message.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Answer } from "./tensors/answers.ts";
import type { InputFile } from "./tensors/inputs.ts";

export interface TimedAnswer extends Answer {
  readonly timings: RequestTimings;
}

export interface Answered {
  /** In the order of the requests. */
  readonly answers: readonly TimedAnswer[];
  /** From the first request to the last answer. */
  readonly seconds: number;
}

export interface Asking {
  /** `null`: as long as it takes. */
  readonly deadlineSeconds: number | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onAnswer: (answer: TimedAnswer) => void;
}

/**
 * Sends requests, as many at once as the cluster takes, so that its stages overlap. The first that
 * fails ends it.
 *
 * @throws as `Client.infer`
 */
export async function askAll(
  client: Client,
  requests: readonly InputFile[],
  { deadlineSeconds, clock, signal, onAnswer }: Asking,
): Promise<Answered> {
  const started = clock.now();
  const answers: TimedAnswer[] = [];
  const waiting = requests.entries();
  const ask = async (): Promise<void> => {
    for (const [position, { name, values }] of waiting) {
      signal.throwIfAborted();
      const { outputs, timings } = await client
        .infer(copied(values), deadlineSeconds)
        .catch((error: unknown) => Promise.reject(named(name, error)));
      const answer = { name, outputs, timings };
      answers[position] = answer;
      onAnswer(answer);
    }
  };
  await Promise.all(Array.from({ length: client.window }, () => ask()));
  return { answers, seconds: clock.now() - started };
}

/** With many requests, which one was refused? Of a lost cluster all are the same. */
function named(name: string, error: unknown): unknown {
  if (!isCoded(error) || !error.code.startsWith("TENSOR_")) return error;
  return new CodedError(error.code, `${name}: ${error.message}`, error.details, error);
}

/** A request may be sent several times, and sending may take the buffers away. */
function copied(values: TensorValues): TensorValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      { ...value, data: new Uint8Array(value.data) },
    ]),
  );
}
