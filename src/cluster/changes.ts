/** Wakes those that wait for something to change. */
export class Changes {
  #waiting: (() => void)[] = [];

  /** Resolves with the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Something has changed. */
  tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
