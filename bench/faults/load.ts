import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import { type Client, connectClient } from "../../dist/cluster/client.js";
import type { TensorValues } from "../../dist/runtime/runtime.js";
import { tcpTransport } from "../../dist/transport/tcp.node.js";
import type { Channel, Frame, Transport } from "../../dist/transport/transport.js";
import { type Sample, token } from "./setting.js";
import { within } from "./within.js";

export interface LoadCounts {
  readonly sent: number;
  readonly answered: number;
  /** Whose requests failed or never ended. */
  readonly lost: number;
  /** Answers that came for requests that were answered before. */
  readonly doubled: number;
  /** Answers that differ from the whole model's in some bit. */
  readonly wrong: number;
  /** How often one was given up with DEVICE_LOST and asked again under the same id. */
  readonly givenUp: number;
}

export interface LoadOptions {
  readonly address: string;
  readonly samples: readonly Sample[];
  /**
   * Whether the client finds its way back to the source by itself; else it is told when that is lost,
   * and asks again.
   */
  readonly isPatient: boolean;
  /** At most, and no more at once than the cluster takes; `Infinity`: as many as it takes. */
  readonly perSecond: number;
}

interface Waiting {
  readonly isDone: () => boolean;
  readonly done: () => void;
  readonly fail: () => void;
}

/** Between two attempts to ask again. */
const pauseSeconds = seconds(0.05);

/**
 * Asks without a break, several requests at once, and compares every answer. What the cluster gives
 * up with DEVICE_LOST is asked again under the same id.
 */
export class Load {
  /** When answers came, in seconds on `performance.now`'s clock. */
  readonly answeredAt: number[] = [];
  readonly failures: string[] = [];
  readonly #open: () => Promise<Client>;
  readonly #samples: readonly Sample[];
  readonly #perSecond: number;
  #nextAt = 0;
  readonly #counter: AnswerCounter;
  readonly #runs: Promise<void>[];
  readonly #waiting = new Set<Waiting>();
  #client: Client;
  #hasEnded = false;
  #opening: Promise<void> | null = null;
  #sent = 0;
  #wrong = 0;
  #givenUp = 0;
  #isOver = false;
  #isStopped = false;

  static async start({ address, samples, isPatient, perSecond }: LoadOptions): Promise<Load> {
    const counter = new AnswerCounter();
    const newId = (): string => counter.newId();
    const open = async (): Promise<Client> =>
      await connectClient({
        transport: counter.watch(tcpTransport),
        clock: systemClock,
        address,
        token,
        ...(isPatient ? { retry: { newId, limitSeconds: 60 } } : {}),
      });
    return new Load(open, await open(), samples, counter, perSecond);
  }

  /** Use `start`. */
  private constructor(
    open: () => Promise<Client>,
    client: Client,
    samples: readonly Sample[],
    counter: AnswerCounter,
    perSecond: number,
  ) {
    this.#perSecond = perSecond;
    this.#open = open;
    this.#client = client;
    this.#watch(client);
    this.#samples = samples;
    this.#counter = counter;
    this.#runs = Array.from({ length: client.window }, () => this.#run());
  }

  get counts(): LoadCounts {
    const answered = this.answeredAt.length;
    const lost = this.#isOver ? this.#sent - answered : this.failures.length;
    const { doubled } = this.#counter;
    return {
      sent: this.#sent,
      answered,
      lost,
      doubled,
      wrong: this.#wrong,
      givenUp: this.#givenUp,
    };
  }

  /** Waits until so many more requests are answered than now. @throws if one fails */
  async more(count: number): Promise<void> {
    const after = this.answeredAt.length + count;
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error(`a request failed: ${this.failures[0]}`));
      if (this.failures.length > 0) fail();
      else
        this.#waiting.add({ isDone: () => this.answeredAt.length >= after, done: resolve, fail });
    });
  }

  /** Sends no more, waits for what is on its way, and counts: what is not answered soon is lost. */
  async end(): Promise<LoadCounts> {
    this.#isOver = true;
    await within(Promise.all(this.#runs), "the last answers").catch(() => undefined);
    await this.stop();
    return this.counts;
  }

  /** Gives everything up. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#isStopped = true;
    await this.#opening;
    await this.#client.close();
    await Promise.all(this.#runs);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#turn();
      const sample = this.#samples[this.#sent % this.#samples.length];
      if (sample === undefined) throw new Error("there are no samples");
      this.#sent++;
      try {
        const outputs = await this.#ask(sample, this.#counter.newId());
        if (!isEqual(outputs, sample.outputs)) this.#wrong++;
        this.answeredAt.push(performance.now() / 1000);
      } catch (error) {
        this.failures.push(String(error));
        this.#isOver = true;
      }
      this.#tell();
    }
  }

  async #turn(): Promise<void> {
    const now = performance.now() / 1000;
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + 1 / this.#perSecond;
    if (at > now) await systemClock.sleep(seconds(at - now));
  }

  async #ask({ inputs }: Sample, id: string): Promise<TensorValues> {
    for (;;) {
      const client = this.#client;
      try {
        return (await client.infer(inputs, { id })).outputs;
      } catch (error) {
        const isPassing = (error as { code?: unknown }).code === "DEVICE_LOST";
        if (!isPassing || this.#isStopped) throw error;
        this.#givenUp++;
      }
      await systemClock.sleep(pauseSeconds);
      await this.#comeBack(client);
    }
  }

  /** Opens another client, unless somebody has, or what is there still stands. */
  async #comeBack(lost: Client): Promise<void> {
    while (this.#client === lost && this.#hasEnded && !this.#isStopped) {
      this.#opening ??= this.#reopen();
      await this.#opening;
    }
  }

  async #reopen(): Promise<void> {
    try {
      this.#client = await this.#open();
      this.#watch(this.#client);
    } catch {
      // Nobody is there yet.
      await systemClock.sleep(pauseSeconds);
    }
    this.#opening = null;
  }

  #watch(client: Client): void {
    this.#hasEnded = false;
    void client.ended.then(() => {
      if (this.#client === client) this.#hasEnded = true;
    });
  }

  #tell(): void {
    for (const one of this.#waiting) {
      if (this.failures.length > 0) one.fail();
      else if (!one.isDone()) continue;
      else one.done();
      this.#waiting.delete(one);
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
