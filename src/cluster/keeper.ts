import type { TensorValue } from "../graph/tensor-value.ts";
import type { SettledMark } from "./data-message.ts";

/** What is kept of one request. */
interface Entry {
  readonly tensors: Map<string, TensorValue>;
  /** Somebody was told what is here and counts on it. */
  isPinned: boolean;
}

/**
 * The tensors that a device has given to others, by request, until their requests are settled: what
 * is lost behind them can be made again from here. Limited in bytes; the oldest request goes first,
 * after which a replay starts earlier. Shared by all generations of a device, since a tensor is the
 * same whichever of them made it.
 */
export class Keeper {
  #limitBytes: number;
  readonly #entries = new Map<number, Entry>();
  #below = 0;
  /** Those below that are not settled. */
  #open: ReadonlySet<number> = new Set();
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Holds when something is kept the next time. */
  set limitBytes(bytes: number) {
    this.#limitBytes = bytes;
  }

  /** Keeps a value, which must not change any more; not that of a request that is settled. */
  keep(request: number, tensor: string, value: TensorValue): void {
    if (this.isSettled(request)) return;
    const entry = this.#entries.get(request) ?? { tensors: new Map(), isPinned: false };
    if (entry.tensors.has(tensor)) return;
    this.#entries.set(request, entry);
    entry.tensors.set(tensor, value);
    this.#heldBytes += value.data.byteLength;
    this.#shrink(request, tensor);
  }

  get(request: number, tensor: string): TensorValue | undefined {
    return this.#entries.get(request)?.tensors.get(tensor);
  }

  /** The names of what is kept of a request; from now on it stays until the request is settled. */
  recall(request: number): readonly string[] {
    const entry = this.#entries.get(request);
    if (entry === undefined) return [];
    entry.isPinned = true;
    return [...entry.tensors.keys()];
  }

  /** Nobody waits for these requests any more. A mark that is older than another changes nothing. */
  settle({ below, open }: SettledMark): void {
    if (below < this.#below) return;
    const stillOpen = below > this.#below ? open : open.filter((one) => this.#open.has(one));
    this.#below = below;
    this.#open = new Set(stillOpen);
    for (const request of [...this.#entries.keys()]) {
      if (this.isSettled(request)) this.#drop(request);
    }
  }

  /** Nobody counts on anything that is kept here. */
  clear(): void {
    this.#entries.clear();
    this.#heldBytes = 0;
  }

  /** Whether a request is known to be settled. */
  isSettled(request: number): boolean {
    return request < this.#below && !this.#open.has(request);
  }

  /** Makes room: the oldest requests that nobody counts on; if there are none, what came last. */
  #shrink(request: number, tensor: string): void {
    while (this.#heldBytes > this.#limitBytes) {
      const oldest = this.#oldest();
      if (oldest === null) {
        this.#dropTensor(request, tensor);
        return;
      }
      this.#drop(oldest);
    }
  }

  #oldest(): number | null {
    let oldest: number | null = null;
    for (const [request, { isPinned }] of this.#entries) {
      if (!isPinned && (oldest === null || request < oldest)) oldest = request;
    }
    return oldest;
  }

  #drop(request: number): void {
    for (const { data } of this.#entries.get(request)?.tensors.values() ?? []) {
      this.#heldBytes -= data.byteLength;
    }
    this.#entries.delete(request);
  }

  #dropTensor(request: number, tensor: string): void {
    const tensors = this.#entries.get(request)?.tensors;
    this.#heldBytes -= tensors?.get(tensor)?.data.byteLength ?? 0;
    tensors?.delete(tensor);
  }
}
