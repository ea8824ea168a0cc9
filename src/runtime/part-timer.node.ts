import type { TensorValue } from "../graph/tensor-value.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { quantile } from "./fit.ts";
import { toLoadable } from "./loadable.ts";
import { computeSeconds } from "./onnxruntime.node.ts";
import type { TensorValues } from "./runtime.ts";
import { type RepeatLimits, SessionClient } from "./session-client.node.ts";
import { readSignature } from "./signature.ts";

export interface TimerOptions {
  readonly threads: number;
  /** Among them those of the model; left to the caller. */
  readonly values: ReadonlyMap<string, TensorValue>;
  readonly limits: RepeatLimits;
  readonly signal?: AbortSignal | undefined;
  /** Where the runtime's profiler is to write; measuring takes a few percent more then. */
  readonly profilePrefix?: string;
}

export interface TimedModel {
  readonly computeSeconds: number;
  readonly outputs: TensorValues;
}

/** Runs that follow each other closely enough to be disturbed, or not, together. */
const chunkRuns = 5;

/**
 * Compute seconds of a model alone in a session of its own, warm: the median of five runs in a row,
 * at the best of all times. A plain minimum would be a run that found its memory in a cache by luck;
 * a plain median one that shared the processor with others.
 *
 * @throws the signal's reason, once the thread has ended; else as `Runtime.load` and `Session.run`
 */
export async function timeModel(
  model: OnnxModel,
  { threads, values, limits, signal, profilePrefix }: TimerOptions,
): Promise<TimedModel> {
  signal?.throwIfAborted();
  const client = await SessionClient.start({
    ...toLoadable(model),
    threads,
    level: "disabled",
    ...(profilePrefix === undefined ? {} : { profilePrefix }),
  });
  const onAbort = () => client.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const inputs = inputsFor(model, values);
    await client.repeat(inputs, { atLeast: 10, atMost: 10, seconds: 0 });
    const times = await client.repeat(inputs, limits);
    signal?.throwIfAborted();
    const { outputs } = await client.run(inputs);
    return {
      computeSeconds: leastMedian(times.map((time) => computeSeconds(time, threads))),
      outputs,
    };
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await client.release();
  }
}

function inputsFor(model: OnnxModel, values: ReadonlyMap<string, TensorValue>): TensorValues {
  const names = readSignature(model).inputs.map(({ name }) => name);
  const inputs = names.flatMap((name): [string, TensorValue][] => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, { ...value, data: new Uint8Array(value.data) }]];
  });
  return Object.fromEntries(inputs);
}

function leastMedian(times: readonly number[]): number {
  const chunks: number[] = [];
  for (let start = 0; start + chunkRuns <= Math.max(times.length, chunkRuns); start += chunkRuns) {
    chunks.push(quantile(times.slice(start, start + chunkRuns), 0.5));
  }
  return Math.min(...chunks);
}
