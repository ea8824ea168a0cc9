import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import type { Probed } from "./control-message.ts";
import { refuse } from "./handshake.ts";
import { checkDevice } from "./identity.ts";
import type { Survey, Take, Task } from "./program-message.ts";
import { encodeMessage, malformed } from "./protocol.ts";
import { splice } from "./splice.ts";

export interface EnquiriesOptions {
  readonly clock: Clock;
  /** Tells a device that a task waits. @returns whether it is there */
  readonly summon: (device: string, task: number) => boolean;
  /** Has a device measure its link to another one. */
  readonly probe?: ((from: string, to: string, bytes: number) => Promise<Probed>) | undefined;
}

/** How long a device may take to dial for its task. */
const patienceSeconds = seconds(5);

/** A program that waits for a device. */
interface Waiting {
  readonly channel: Channel;
  readonly device: string;
  readonly met: AbortController;
}

/** The coordinator's side of what programs ask of single devices. */
export class Enquiries {
  readonly #options: EnquiriesOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #channels = new Set<Channel>();
  #tasks = 0;

  constructor(options: EnquiriesOptions) {
    this.#options = options;
  }

  /** Takes an accepted channel by its first message. Never rejects. */
  async accept(channel: Channel, first: Survey | Task | Take): Promise<void> {
    this.#channels.add(channel);
    try {
      if (first.type === "survey") await this.#survey(channel, first);
      else if (first.type === "task") await this.#wait(channel, first.device);
      else await this.#meet(channel, first);
    } catch (error) {
      await refuse(channel, error);
    } finally {
      this.#channels.delete(channel);
    }
  }

  async close(): Promise<void> {
    for (const { met } of this.#waiting.values()) met.abort();
    this.#waiting.clear();
    await Promise.allSettled([...this.#channels].map((channel) => channel.close()));
  }

  async #survey(channel: Channel, { from, to, bytes }: Survey): Promise<void> {
    const { probe } = this.#options;
    if (probe === undefined) throw malformed("a survey", "this coordinator measures no links");
    const probed = await probe(from, to, bytes);
    await channel.send(encodeMessage(probed));
    await channel.close();
  }

  /** @throws DEVICE_LOST if the device is away or does not come */
  async #wait(channel: Channel, device: string): Promise<void> {
    const task = ++this.#tasks;
    const met = new AbortController();
    this.#waiting.set(task, { channel, device, met });
    if (!this.#options.summon(device, task)) {
      this.#waiting.delete(task);
      throw away(device, "is not there: no agent of this name has joined");
    }
    void channel.ended.then(() => met.abort());
    const isOver = await this.#options.clock.sleep(patienceSeconds, met.signal).then(
      () => true,
      () => false,
    );
    this.#waiting.delete(task);
    if (isOver) throw away(device, `did not come for its task within ${patienceSeconds} s`);
  }

  /** @throws IDENTITY_REFUSED; DEVICE_LOST if the program has gone */
  async #meet(channel: Channel, { device, task }: Take): Promise<void> {
    const foreign = checkDevice(device, channel);
    if (foreign !== null) throw foreign;
    const waiting = this.#waiting.get(task);
    if (waiting?.device !== device) throw away(device, `has come for task ${task}, which is gone`);
    this.#waiting.delete(task);
    this.#channels.add(waiting.channel);
    waiting.met.abort();
    await splice([waiting.channel, channel], { type: "taken" });
    this.#channels.delete(waiting.channel);
  }
}

function away(device: string, what: string): CodedError {
  return new CodedError("DEVICE_LOST", `device '${device}' ${what}; see partita status`, {
    device,
  });
}
