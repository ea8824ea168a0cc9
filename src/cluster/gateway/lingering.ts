import type { Asked } from "../inference.ts";
import { type KeptLimits, keptLimits } from "./kept-answers.ts";

/**
 * Requests whose clients have gone, and may come back for the answers. Limited, since a client that
 * comes and goes may leave any number of them behind: the oldest are given up first.
 */
export class Lingering {
  readonly #limits: KeptLimits;
  /** Bytes of the inputs. */
  readonly #requests = new Map<Asked, number>();
  #bytes = 0;

  constructor(limits: KeptLimits = keptLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** @param bytes of the request's inputs */
  add(asked: Asked, bytes: number): void {
    this.#requests.set(asked, bytes);
    this.#bytes += bytes;
    const forget = (): void => this.#forget(asked);
    void asked.answered.then(forget, forget);
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= this.#limits.requests && this.#bytes <= this.#limits.bytes) return;
      this.#forget(oldest);
      oldest.withdraw();
    }
  }

  #forget(asked: Asked): void {
    this.#bytes -= this.#requests.get(asked) ?? 0;
    this.#requests.delete(asked);
  }
}
