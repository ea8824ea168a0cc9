import type { TensorValues } from "../../runtime/runtime.ts";
import type { Inference } from "../inference.ts";
import type { Pass } from "./pass.ts";

/** A request that has not ended. */
export interface Entry {
  request: number;
  readonly id: string | null;
  readonly inputs: TensorValues;
  /** As `formOf` says of its inputs. */
  readonly rows: number;
  readonly form: string | null;
  /** Of whoever asked it first; `null`: none. */
  readonly deadlineSeconds: number | null;
  readonly waiters: Set<Waiter>;
  readonly askedAt: number;
  /** Whether it has failed once, and goes on under another number. */
  isAgain: boolean;
  /** Whether it was in a pass that has failed, and is joined with no other any more. */
  isAlone: boolean;
  /** `null`: it waits, and is in none. */
  pass: Pass | null;
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
