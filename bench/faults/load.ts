import { systemClock } from "../../dist/base/clock.node.js";
import { type Client, connectClient } from "../../dist/cluster/client.js";
import type { TensorValues } from "../../dist/runtime/runtime.js";
import { tcpTransport } from "../../dist/transport/tcp.node.js";
import type { Channel, Frame, Transport } from "../../dist/transport/transport.js";
import { type Sample, token } from "./setting.js";

export interface LoadCounts {
  readonly sent: number;
  readonly answered: number;
  /** Whose requests failed or never ended. */
  readonly lost: number;
  /** Answers that came for requests that were answered before. */
  readonly doubled: number;
  /** Answers that differ from the whole model's in some bit. */
  readonly wrong: number;
}

interface Waiting {
  readonly after: number;
  readonly done: () => void;
  readonly fail: () => void;
}

/** Asks without a break, so many requests at once, and compares every answer. */
export class Load {
  /** When answers came, in seconds on `performance.now`'s clock. */
  readonly answeredAt: number[] = [];
  readonly failures: string[] = [];
  readonly #client: Client;
  readonly #samples: readonly Sample[];
  readonly #counter: AnswerCounter;
  readonly #runs: Promise<void>[];
  readonly #waiting = new Set<Waiting>();
  #sent = 0;
  #wrong = 0;
  #isOver = false;

  /** @param concurrency requests in flight at any time; default: as many as the cluster takes */
  static async start(
    address: string,
    samples: readonly Sample[],
    concurrency?: number,
  ): Promise<Load> {
    const counter = new AnswerCounter();
    const client = await connectClient({
      transport: counter.watch(tcpTransport),
      clock: systemClock,
      address,
      token,
      retry: { newId: () => counter.newId(), limitSeconds: 60 },
    });
    return new Load(client, samples, counter, concurrency ?? client.window);
  }

  /** Use `start`. */
  private constructor(
    client: Client,
    samples: readonly Sample[],
    counter: AnswerCounter,
    concurrency: number,
  ) {
    this.#client = client;
    this.#samples = samples;
    this.#counter = counter;
    this.#runs = Array.from({ length: concurrency }, () => this.#run());
  }

  get counts(): LoadCounts {
    const answered = this.answeredAt.length;
    const lost = this.#isOver ? this.#sent - answered : this.failures.length;
    const { doubled } = this.#counter;
    return { sent: this.#sent, answered, lost, doubled, wrong: this.#wrong };
  }

  /** Waits until so many more requests are answered than now. @throws if one fails */
  async more(count: number): Promise<void> {
    const after = this.answeredAt.length + count;
    await new Promise<void>((resolve, reject) => {
      if (this.failures.length > 0) reject(this.#failed());
      this.#waiting.add({ after, done: resolve, fail: () => reject(this.#failed()) });
    });
  }

  /** Sends no more, waits for what is on its way, and counts. */
  async end(): Promise<LoadCounts> {
    this.#isOver = true;
    await Promise.all(this.#runs);
    await this.#client.close();
    return this.counts;
  }

  /** Gives everything up. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#client.close();
  }

  #failed(): Error {
    return new Error(`a request failed: ${this.failures[0]}`);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const sample = this.#samples[this.#sent % this.#samples.length];
      if (sample === undefined) throw new Error("there are no samples");
      this.#sent++;
      try {
        const { outputs } = await this.#client.infer(sample.inputs);
        if (!isEqual(outputs, sample.outputs)) this.#wrong++;
        this.answeredAt.push(performance.now() / 1000);
        for (const one of this.#waiting) {
          if (this.answeredAt.length < one.after) continue;
          this.#waiting.delete(one);
          one.done();
        }
      } catch (error) {
        this.failures.push(String(error));
        for (const { fail } of this.#waiting) fail();
        this.#waiting.clear();
        return;
      }
    }
  }
}

/** Bit for bit. */
export function isEqual(some: TensorValues, others: TensorValues): boolean {
  const names = Object.keys(others);
  return (
    names.length === Object.keys(some).length &&
    names.every((name) => {
      const [one, other] = [some[name], others[name]];
      return one !== undefined && other !== undefined && Buffer.compare(one.data, other.data) === 0;
    })
  );
}

/** Counts the answers that really come over the wire, by the id that was asked under. */
class AnswerCounter {
  doubled = 0;
  readonly #answers = new Set<string>();
  #ids = 0;

  newId(): string {
    this.#ids++;
    return `request ${this.#ids} of ${process.pid}`;
  }

  watch(transport: Transport): Transport {
    return {
      name: transport.name,
      connect: async (address, options) => this.#tap(await transport.connect(address, options)),
      listen: (address, limits) => transport.listen(address, limits),
    };
  }

  #tap(channel: Channel): Channel {
    const ids = new Map<unknown, string>();
    const hear = ({ header }: Frame): void => {
      if (header.type !== "answer") return;
      const id = ids.get(header["request"]);
      if (id === undefined || this.#answers.has(id)) this.doubled++;
      else this.#answers.add(id);
    };
    return {
      peer: channel.peer,
      identity: channel.identity,
      ended: channel.ended,
      send: async (frame) => {
        const { type, request, id } = frame.header;
        if (type === "ask") ids.set(request, String(id));
        await channel.send(frame);
      },
      setLimits: (limits) => channel.setLimits(limits),
      close: () => channel.close(),
      [Symbol.asyncDispose]: () => channel.close(),
      async *[Symbol.asyncIterator]() {
        for await (const frame of channel) {
          hear(frame);
          yield frame;
        }
      },
    };
  }
}
