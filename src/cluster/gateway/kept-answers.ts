import type { Inference } from "../inference.ts";

export interface KeptAnswersLimits {
  readonly answers: number;
  readonly bytes: number;
}

/** Answers to requests that had an id, for whoever asks the same again. The oldest go first. */
export class KeptAnswers {
  readonly #limits: KeptAnswersLimits;
  readonly #answers = new Map<string, { inference: Inference; bytes: number }>();
  #bytes = 0;

  constructor(limits: KeptAnswersLimits = { answers: 256, bytes: 64 << 20 }) {
    this.#limits = limits;
  }

  get(id: string): Inference | undefined {
    return this.#answers.get(id)?.inference;
  }

  /** Keeps an answer, and the newest one however large it is. */
  add(id: string, inference: Inference): void {
    this.#drop(id);
    const bytes = Object.values(inference.outputs).reduce(
      (sum, { data }) => sum + data.byteLength,
      0,
    );
    this.#answers.set(id, { inference, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#answers) {
      const fits = this.#answers.size <= this.#limits.answers && this.#bytes <= this.#limits.bytes;
      if (fits || oldest === id) return;
      this.#drop(oldest);
    }
  }

  #drop(id: string): void {
    this.#bytes -= this.#answers.get(id)?.bytes ?? 0;
    this.#answers.delete(id);
  }
}
