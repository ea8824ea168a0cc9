import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Kept, Recall } from "../data-message.ts";

/** Who has not said until then what it keeps keeps nothing. */
const patienceSeconds = seconds(0.25);

export interface RecallingOptions {
  readonly clock: Clock;
  readonly generation: number;
  readonly requests: readonly number[];
  readonly devices: readonly string[];
  /** @throws CHANNEL_CLOSED */
  readonly tell: (device: string, message: Recall) => Promise<void>;
}

/** What devices keep of a request, by device. */
export type KeptTensors = ReadonlyMap<string, ReadonlySet<string>>;

/** Asks the devices of a generation what they keep of requests that are to go through it. */
export class Recalling {
  readonly #options: RecallingOptions;
  readonly #silent: Set<string>;
  readonly #kept: Map<number, Map<string, ReadonlySet<string>>>;
  readonly #done = new AbortController();

  constructor(options: RecallingOptions) {
    this.#options = options;
    this.#silent = new Set(options.devices);
    this.#kept = new Map(options.requests.map((request) => [request, new Map()]));
  }

  /**
   * Asks, and waits for the replies.
   *
   * @returns what is kept of each request; `null` if it was ended meanwhile
   */
  async run(): Promise<ReadonlyMap<number, KeptTensors> | null> {
    const { clock, generation, requests, devices } = this.#options;
    for (const device of devices) {
      void this.#ask(device, { type: "recall", generation, requests });
    }
    // What has replied at once has ended the wait before it began.
    await clock.sleep(patienceSeconds, this.#done.signal).catch(() => undefined);
    return this.#done.signal.reason === stopped ? null : this.#kept;
  }

  hear(device: string, { generation, body }: Kept): void {
    if (generation !== this.#options.generation || !this.#silent.has(device)) return;
    for (const { request, tensors } of body.requests) {
      this.#kept.get(request)?.set(device, new Set(tensors));
    }
    this.dismiss(device);
  }

  /** A device is not waited for any more. */
  dismiss(device: string): void {
    this.#silent.delete(device);
    if (this.#silent.size === 0) this.#done.abort();
  }

  stop(): void {
    this.#done.abort(stopped);
  }

  async #ask(device: string, recall: Recall): Promise<void> {
    await this.#options.tell(device, recall).catch(() => this.dismiss(device));
  }
}

const stopped = "the gateway goes elsewhere";
