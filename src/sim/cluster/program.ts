import type { Clock } from "../../base/clock.ts";
import { isCoded } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import { type Client, connectClient } from "../../cluster/client.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import { bytesPerElement, elementCount, type TensorType } from "../../graph/tensor-value.ts";
import { isBitEqual } from "../../runtime/compare.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Machine } from "../network/machine.ts";
import { describe } from "./describe.ts";
import type { Asked, Unfinished } from "./load.ts";
import { coordinatorAddress, token } from "./tenant.ts";

export interface ProgramOptions {
  readonly machine: Machine;
  /** Unlike that of any other. */
  readonly name: string;
  /** Of the world outside, for the times of requests. */
  readonly clock: Clock;
  readonly random: Random;
  /** Of the graph's only input, `x`. */
  readonly input: TensorType;
  /** Whom it asks; `null`: who runs there. */
  readonly model: ModelKey;
  readonly requestsPerSecond: number;
  /** When it asks no more. */
  readonly endSeconds: number;
  readonly isRepeated: boolean;
  /** Where its questions are added. */
  readonly asked: Asked[];
  /** What an earlier life of it has left, and this one will. */
  readonly unfinished: Map<string, Unfinished>;
  readonly expected: (inputs: TensorValues) => Promise<TensorValues>;
  readonly onWrong: () => void;
  readonly complain: (violation: string) => void;
  readonly log: (host: string, what: unknown) => void;
}

/** How questions differ. */
interface Manner {
  readonly id: string | null;
  readonly deadlineSeconds: number | null;
  /** After how long it is given up. */
  readonly cancelSeconds: number | null;
}

/** Between two attempts to connect. */
const pauseSeconds = seconds(0.1);

/** A program that asks, does not wait, and looks whether each answer is right. */
export class Program {
  readonly #options: ProgramOptions;
  readonly #clients = new Set<Client>();
  readonly #own: Asked[] = [];
  #ids = 0;
  #closing = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { machine, random, clock, requestsPerSecond, endSeconds, unfinished } = this.#options;
    let client = await this.#connect();
    for (const { id, inputs } of [...unfinished.values()]) {
      await this.#ask(client, inputs, { id, deadlineSeconds: null, cancelSeconds: null });
    }
    while (!this.#closing) {
      await machine.clock.sleep(seconds((2 * random.next()) / requestsPerSecond));
      if (clock.now() >= endSeconds) return;
      const [inputs, manner] = [this.#inputs(), this.#manner()];
      // A few are asked twice at once, as by somebody who is not sure.
      const times = manner.id !== null && random.next() < 0.2 ? 2 : 1;
      for (let time = 0; time < times; time++) {
        if ((await this.#ask(client, inputs, manner)) === "asked") continue;
        this.#clients.delete(client);
        client = await this.#connect();
        await this.#ask(client, inputs, manner);
      }
    }
  }

  /** Its host has crashed: nothing that it asked is heard of any more. */
  abandon(): void {
    this.#closing = true;
    for (const asked of this.#own) {
      asked.end ??= { atSeconds: this.#options.clock.now(), outcome: "abandoned" };
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#options.machine.dead) return;
    for (const client of this.#clients) await client.close();
  }

  #manner(): Manner {
    const { random, isRepeated, name } = this.#options;
    const kind = random.next();
    const isNamed = !isRepeated || random.next() < 0.5;
    return {
      id: isNamed ? `${name}, ${++this.#ids}` : null,
      deadlineSeconds: kind < 0.15 ? 0.05 + random.next() : null,
      cancelSeconds: kind > 0.9 ? random.next() * 0.3 : null,
    };
  }

  /** Asks, and does not wait for the answer; `gone`: the client cannot be asked any more. */
  async #ask(client: Client, inputs: TensorValues, manner: Manner): Promise<"asked" | "gone"> {
    const { clock, machine, expected, asked: all, isRepeated, unfinished } = this.#options;
    const { id, deadlineSeconds, cancelSeconds } = manner;
    const whole = await expected(inputs);
    const asked: Asked = {
      request: all.length + 1,
      host: machine.host,
      askedSeconds: clock.now(),
      deadlineSeconds,
      isRepeated,
      isCancelled: false,
      end: null,
    };
    all.push(asked);
    this.#own.push(asked);
    if (id !== null) unfinished.set(id, { id, inputs });
    const cancelling = new AbortController();
    const answered = client.infer(inputs, {
      ...(id === null ? {} : { id }),
      ...(deadlineSeconds === null ? {} : { deadlineSeconds }),
      ...(cancelSeconds === null ? {} : { signal: cancelling.signal }),
    });
    if (cancelSeconds !== null) void this.#cancel(asked, cancelSeconds, cancelling);
    const following = this.#follow(asked, answered, whole).then(() => unfinished.delete(id ?? ""));
    // A client that is gone says so at once.
    await Promise.race([following, machine.clock.sleep(seconds(0))]);
    const outcome = asked.end?.outcome ?? "";
    return isAway(outcome) ? "gone" : "asked";
  }

  async #cancel(asked: Asked, after: number, cancelling: AbortController): Promise<void> {
    await this.#options.machine.clock.sleep(seconds(after));
    if (asked.end !== null) return;
    asked.isCancelled = true;
    cancelling.abort();
  }

  async #follow(
    asked: Asked,
    answered: ReturnType<Client["infer"]>,
    whole: TensorValues,
  ): Promise<void> {
    const { machine, complain, log, onWrong } = this.#options;
    try {
      const { outputs } = await answered;
      if (!isBitEqual(outputs, whole)) {
        onWrong();
        complain(`request ${asked.request} has a wrong answer`);
      }
      this.#conclude(asked, "answered");
    } catch (error) {
      log(machine.host, `request ${asked.request}: ${describe(error)}`);
      const outcome = isCoded(error) ? error.code : describe(error);
      this.#conclude(asked, asked.isCancelled ? "cancelled" : outcome);
    }
  }

  #conclude(asked: Asked, outcome: string): void {
    const { clock, complain, log, machine } = this.#options;
    const { request, askedSeconds } = asked;
    log(machine.host, `request ${request} of ${askedSeconds.toFixed(3)} s: ${outcome}`);
    if (asked.end !== null) complain(`request ${request} has ended twice`);
    asked.end = { atSeconds: clock.now(), outcome };
  }

  #inputs(): TensorValues {
    const { random, input } = this.#options;
    const bytes = (bytesPerElement(input.dataType) ?? 1) * elementCount(input.shape);
    return { x: { ...input, data: Uint8Array.from({ length: bytes }, () => random.integer(256)) } };
  }

  async #connect(): Promise<Client> {
    const { machine, complain, isRepeated, name, model } = this.#options;
    const { transport, clock } = machine;
    const newId = () => `${name}: ${++this.#ids}`;
    for (;;) {
      try {
        const client = await connectClient({
          transport,
          clock,
          address: coordinatorAddress,
          token,
          ...(model === null ? {} : { model }),
          ...(isRepeated ? { retry: { newId } } : {}),
        });
        if (this.#closing) await client.close();
        else this.#clients.add(client);
        return client;
      } catch (error) {
        const isThere = !(isCoded(error) && isAway(error.code));
        if (isThere) complain(`a client cannot connect: ${describe(error)}`);
        await clock.sleep(pauseSeconds);
      }
    }
  }
}

/** Whether nobody takes requests at the moment, or the model is not loaded. */
function isAway(outcome: string): boolean {
  return /CHANNEL_CLOSED|DEVICE_LOST|MODEL_NOT_READY/.test(outcome);
}
