import type { Clock } from "../../base/clock.ts";
import { isBitEqual } from "../../runtime/compare.ts";
import type { TensorValues } from "../../runtime/runtime.ts";

export interface StreamOptions {
  readonly infer: (inputs: TensorValues) => Promise<TensorValues>;
  /** Requests take them in turn. */
  readonly inputs: readonly TensorValues[];
  /** The whole model's answer to each of `inputs`. */
  readonly references: readonly TensorValues[];
  readonly count: number;
  /** Requests that go before, uncounted: the first runs of a session touch memory for the first time. */
  readonly warmUps: number;
  readonly clock: Clock;
  readonly onAnswer: (answer: StreamedAnswer) => void;
}

export interface StreamedAnswer {
  /** From 0, in the order of the requests. */
  readonly request: number;
  readonly outputs: TensorValues;
  readonly bitEqual: boolean;
  /** Since the stream began. */
  readonly seconds: number;
}

/** What a deployment was seen to do. */
export interface Streamed {
  readonly answered: number;
  readonly bitEqual: number;
  /** One request alone in the pipeline, from request to answer; median. */
  readonly latencySeconds: number;
  /** Between answers once the pipeline is full; `null` where there were too few to say. */
  readonly periodSeconds: number | null;
}

/** Requests that go alone. */
const alone = 7;

/** With fewer requests at once a pipeline is hardly full before it runs empty. */
const fewest = 10;

/** Warms up, sends `count` requests at once and compares every answer, then a few one by one. */
export async function streamRequests(options: StreamOptions): Promise<Streamed> {
  const { infer, inputs, references, count, warmUps, clock } = options;
  const inputOf = (request: number) => inputs[request % inputs.length] as TensorValues;
  await Promise.all(Array.from({ length: warmUps }, (_, request) => infer(inputOf(request))));
  const start = clock.now();
  const arrivals: number[] = [];
  let bitEqual = 0;
  const ask = async (request: number): Promise<void> => {
    const outputs = await infer(inputOf(request));
    const seconds = clock.now() - start;
    arrivals.push(seconds);
    const equal = isBitEqual(outputs, references[request % inputs.length] as TensorValues);
    if (equal) bitEqual++;
    options.onAnswer({ request, outputs, bitEqual: equal, seconds });
  };
  await Promise.all(Array.from({ length: count }, (_, request) => ask(request)));
  return {
    answered: arrivals.length,
    bitEqual,
    latencySeconds: median(await timeAlone(options, inputOf)),
    periodSeconds: arrivals.length < fewest ? null : steadyPeriod(arrivals),
  };
}

async function timeAlone(
  { infer, clock }: StreamOptions,
  inputOf: (request: number) => TensorValues,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let request = 0; request < alone; request++) {
    const start = clock.now();
    await infer(inputOf(request));
    latencies.push(clock.now() - start);
  }
  return latencies;
}

/** Seconds between answers, without the first fifth, in which the pipeline fills. */
export function steadyPeriod(arrivals: readonly number[]): number {
  const sorted = [...arrivals].sort((a, b) => a - b);
  const first = Math.floor(sorted.length / 5);
  const last = sorted.length - 1;
  return ((sorted[last] ?? 0) - (sorted[first] ?? 0)) / Math.max(1, last - first);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
