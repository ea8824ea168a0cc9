import type { Clock } from "../../base/clock.ts";
import { isCoded } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import { type Client, connectClient, type InferOptions } from "../../cluster/client.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Machine } from "../network/machine.ts";
import { byteTensor } from "./digest-runtime.ts";
import { coordinatorAddress, describe, token } from "./hosts.ts";

/** One request, from the asking to its end. Times are on the shared clock. */
export interface Asked {
  readonly request: number;
  readonly askedSeconds: number;
  readonly deadlineSeconds: number | null;
  /** Whether the client asks again when its channel ends, under the same id. */
  readonly isRepeated: boolean;
  /** `null`: it is still open. */
  end: { readonly atSeconds: number; readonly outcome: "answered" | string } | null;
}

export interface LoadOptions {
  readonly machine: Machine;
  /** Of the world outside, for the times of requests. */
  readonly clock: Clock;
  readonly random: Random;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** What the whole model answers. */
  readonly expected: (inputs: TensorValues) => Promise<TensorValues>;
  readonly complain: (violation: string) => void;
  readonly log: (host: string, what: unknown) => void;
}

/**
 * Programs that ask at a steady rate: one that gives up what was under way when its channel ends and
 * connects again, and one that asks again under the same id. Each answer is compared with the whole
 * model's.
 */
export class Load {
  readonly asked: Asked[] = [];
  readonly #options: LoadOptions;
  readonly #clients = new Set<Client>();
  #ids = 0;
  #closing = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#askSteadily(true);
    void this.#askSteadily(false);
  }

  get open(): readonly Asked[] {
    return this.asked.filter(({ end }) => end === null);
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const client of this.#clients) await client.close();
  }

  async #askSteadily(isRepeated: boolean): Promise<void> {
    const { machine, random, clock, requestsPerSecond, seconds: duration } = this.#options;
    const end = clock.now() + duration;
    let client = await this.#connect(isRepeated);
    while (!this.#closing && clock.now() < end) {
      const wait = (2 * random.next() * 2) / requestsPerSecond;
      await machine.clock.sleep(seconds(wait));
      if (clock.now() >= end) return;
      const error = await this.#ask(client, isRepeated);
      if (error === "gone") {
        this.#clients.delete(client);
        client = await this.#connect(isRepeated);
      }
    }
  }

  /** Asks, and does not wait for the answer; `gone`: the client cannot be asked any more. */
  async #ask(client: Client, isRepeated: boolean): Promise<"asked" | "gone"> {
    const { clock, random, expected, log } = this.#options;
    const inputs = this.#inputs();
    const whole = await expected(inputs);
    const deadlineSeconds = random.next() < 0.15 ? 0.05 + random.next() : null;
    const options: InferOptions = deadlineSeconds === null ? {} : { deadlineSeconds };
    const asked: Asked = {
      request: this.asked.length + 1,
      askedSeconds: clock.now(),
      deadlineSeconds,
      isRepeated,
      end: null,
    };
    const answered = client.infer(inputs, options);
    this.asked.push(asked);
    let isGone = false;
    const following = answered.then(
      ({ outputs }) => this.#conclude(asked, "answered", isSame(outputs, whole)),
      (error) => {
        isGone = true;
        log("client", `request ${asked.request}: ${describe(error)}`);
        this.#conclude(asked, isCoded(error) ? error.code : describe(error), true);
      },
    );
    // A client that is gone says so at once.
    await Promise.race([following, clock.sleep(seconds(0))]);
    return isGone && /CHANNEL_CLOSED|DEVICE_LOST/.test(asked.end?.outcome ?? "") ? "gone" : "asked";
  }

  #conclude(asked: Asked, outcome: string, isRight: boolean): void {
    const { clock, complain, log } = this.#options;
    log("client", `request ${asked.request} of ${asked.askedSeconds.toFixed(3)} s: ${outcome}`);
    if (asked.end !== null) complain(`request ${asked.request} has ended twice`);
    asked.end = { atSeconds: clock.now(), outcome };
    if (!isRight) complain(`request ${asked.request} has a wrong answer`);
  }

  #inputs(): TensorValues {
    const { random } = this.#options;
    return { x: byteTensor(Array.from({ length: 40 }, () => random.integer(256))) };
  }

  async #connect(isRepeated: boolean): Promise<Client> {
    const { machine, complain } = this.#options;
    const { transport, clock } = machine;
    const newId = () => `id ${++this.#ids}`;
    for (;;) {
      try {
        const client = await connectClient({
          transport,
          clock,
          address: coordinatorAddress,
          token,
          ...(isRepeated ? { retry: { newId } } : {}),
        });
        this.#clients.add(client);
        return client;
      } catch (error) {
        const isThere = !(isCoded(error) && /CHANNEL_CLOSED|DEVICE_LOST/.test(error.code));
        if (isThere) complain(`a client cannot connect: ${describe(error)}`);
        await clock.sleep(seconds(0.1));
      }
    }
  }
}

function isSame(one: TensorValues, other: TensorValues): boolean {
  const names = Object.keys(other);
  return (
    names.length === Object.keys(one).length &&
    names.every((name) => {
      const [a, b] = [one[name]?.data, other[name]?.data];
      return a?.length === b?.length && a?.every((byte, at) => byte === b?.[at]) === true;
    })
  );
}
