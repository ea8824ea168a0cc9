import type { CodedError } from "../base/errors.ts";

/** How much may lie in an inbox before its producer is asked to stop. */
export interface InboxLimits {
  readonly items: number;
  readonly bytes: number;
}

/** A few frames ahead of the consumer, or one large one. */
export const defaultInboxLimits: InboxLimits = { items: 16, bytes: 1 << 22 };

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: CodedError) => void;
}

/**
 * What has arrived and waits for an iterator. It never refuses an item: a producer that looks at
 * `full` after each one exceeds the limits by one item at most. Leaving a loop early loses nothing:
 * the next loop goes on behind it.
 */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #limits: InboxLimits;
  /** Called when an inbox that was full has room again, and when it ends. */
  readonly #onRoom: () => void;
  readonly #items: { readonly value: T; readonly bytes: number }[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #bytes = 0;
  #end: { readonly error: CodedError | null } | null = null;

  constructor(limits: InboxLimits, onRoom: () => void) {
    this.#limits = limits;
    this.#onRoom = onRoom;
  }

  get full(): boolean {
    return this.#items.length >= this.#limits.items || this.#bytes >= this.#limits.bytes;
  }

  push(value: T, bytes: number): void {
    if (this.#end !== null) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value });
      return;
    }
    this.#items.push({ value, bytes });
    this.#bytes += bytes;
  }

  /** What is there can still be taken; behind it comes the end, or the error. */
  end(error: CodedError | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    for (const waiter of this.#waiters.splice(0)) {
      if (error === null) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
    this.#onRoom();
  }

  /** Takes everything that nobody has asked for. */
  drain(): T[] {
    this.#bytes = 0;
    return this.#items.splice(0).map((item) => item.value);
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.#next() };
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    const wasFull = this.full;
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#bytes -= item.bytes;
      if (wasFull && !this.full) this.#onRoom();
      return Promise.resolve({ done: false, value: item.value });
    }
    if (this.#end === null) {
      return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    if (this.#end.error !== null) return Promise.reject(this.#end.error);
    return Promise.resolve({ done: true, value: undefined });
  }
}
