import type { TensorValue } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Report, RequestTimings } from "../data-message.ts";
import type { Inference } from "../inference.ts";

/** A request that goes into a generation. */
export interface Departure {
  readonly generation: number;
  /** The device where requests come in. */
  readonly source: string;
  /** Names of the tensors, or regions of them, that make the answer complete. */
  readonly outputs: readonly string[];
  /** Devices that report when they have done their work for it. */
  readonly reporters: readonly string[];
  /** Makes graph outputs of them; left out: that is what they are. @throws TENSOR_SHAPE_MISMATCH */
  readonly whole?: (outputs: TensorValues) => TensorValues;
  /** Added to the answer. */
  readonly constants: TensorValues;
  /** Sends it on its way. */
  readonly start: () => void;
}

/** One way through a generation. */
export interface Attempt {
  readonly departure: Departure;
  readonly outputs: Record<string, TensorValue>;
  /** Those that have not reported. */
  readonly silent: Set<string>;
  readonly reports: Report[];
}

/** A request that has not ended. */
export interface Entry {
  request: number;
  readonly id: string | null;
  readonly inputs: TensorValues;
  readonly waiters: Set<Waiter>;
  /** Generations that it was in flight in. */
  readonly generations: Set<number>;
  readonly askedAt: number;
  startedAt: number;
  answeredAt: number;
  /** Whether it has failed once, and goes on under another number. */
  isAgain: boolean;
  /** `null`: it waits. */
  attempt: Attempt | null;
}

/** Somebody who asked. */
export interface Waiter {
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: unknown) => void;
  /** Ends the wait for its deadline. */
  readonly done: AbortController;
}

export function waiterOf(done: AbortController): {
  readonly promise: Promise<Inference>;
  readonly waiter: Waiter;
} {
  const settle = {
    resolve: (_: Inference): void => undefined,
    reject: (_: unknown): void => undefined,
  };
  const promise = new Promise<Inference>((resolve, reject) => {
    settle.resolve = resolve;
    settle.reject = reject;
  });
  // Who has gone away must not be ended by a failure that nobody hears.
  promise.catch(() => undefined);
  return { promise, waiter: { ...settle, done } };
}

export function isComplete({ attempt }: Entry): boolean {
  if (attempt === null) return false;
  return attempt.departure.outputs.every((name) => Object.hasOwn(attempt.outputs, name));
}

/** Of an attempt that is complete. @throws TENSOR_SHAPE_MISMATCH if regions of it are no tensor */
export function answerOf(entry: Entry, { departure, outputs, reports }: Attempt): Inference {
  const { request, askedAt, startedAt, answeredAt } = entry;
  const timings: RequestTimings = {
    source: departure.source,
    waitSeconds: startedAt - askedAt,
    totalSeconds: answeredAt - startedAt,
    stages: reports.flatMap(({ stages }) => stages),
    hops: reports.flatMap(({ hops }) => hops),
  };
  const whole = departure.whole?.(outputs) ?? outputs;
  return { request, outputs: { ...whole, ...departure.constants }, timings };
}
