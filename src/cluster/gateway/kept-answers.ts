import type { TensorValues } from "../../runtime/runtime.ts";
import type { Inference } from "../inference.ts";

export interface KeptLimits {
  readonly requests: number;
  readonly bytes: number;
}

/** What is here for clients that may come back, of answers and of requests without any. */
export const keptLimits: KeptLimits = { requests: 256, bytes: 64 << 20 };

/** A request that had an id, and its answer. */
export interface KeptAnswer {
  /** To compare with those of whoever asks under the same id. */
  readonly inputs: TensorValues;
  readonly inference: Inference;
}

/** Answers to requests that had an id, for whoever asks the same again. The oldest go first. */
export class KeptAnswers {
  readonly #limits: KeptLimits;
  readonly #answers = new Map<string, KeptAnswer & { readonly bytes: number }>();
  #bytes = 0;

  constructor(limits: KeptLimits = keptLimits) {
    this.#limits = limits;
  }

  get(id: string): KeptAnswer | undefined {
    return this.#answers.get(id);
  }

  /** Keeps an answer, and the newest one however large it is. */
  add(id: string, { inputs, inference }: KeptAnswer): void {
    this.#drop(id);
    const bytes = bytesOf(inputs) + bytesOf(inference.outputs);
    this.#answers.set(id, { inputs, inference, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#answers) {
      const fits = this.#answers.size <= this.#limits.requests && this.#bytes <= this.#limits.bytes;
      if (fits || oldest === id) return;
      this.#drop(oldest);
    }
  }

  #drop(id: string): void {
    this.#bytes -= this.#answers.get(id)?.bytes ?? 0;
    this.#answers.delete(id);
  }
}

export function bytesOf(values: TensorValues): number {
  return Object.values(values).reduce((sum, { data }) => sum + data.byteLength, 0);
}
