import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { bitsPerSecond, seconds } from "../base/units.ts";
import { paceChannel } from "../transport/paced.ts";
import { createPacer, type Pacer } from "../transport/pacer.ts";
import type { Channel, Frame, Transport } from "../transport/transport.ts";
import type { Forward } from "./deployment.ts";
import { introduce, refuse } from "./handshake.ts";
import { type Attach, type Emulation, type Message, protocolVersion } from "./message.ts";
import { Outbox, type Sent } from "./outbox.ts";
import { decodeMessage, encodeMessage, type Received } from "./protocol.ts";

export interface NeighboursOptions {
  readonly device: string;
  readonly token: string;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Called for each message of a producer; `null`: the coordinator. What it throws ends that channel. */
  readonly onMessage: (received: Received, from: string | null) => void;
  /** Called when a data channel ends before `close`. */
  readonly onLost: (device: string | null, error: unknown) => void;
}

/** The data channels of a device: it dials its producers, and its consumers dial it. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #channels = new Set<Channel>();
  readonly #consumers = new Map<string, Channel>();
  readonly #outboxes = new Map<string | null, Outbox>();
  readonly #media = new Map<string, Pacer>();
  #emulation: Emulation | null = null;
  #forwards: readonly Forward[] = [];
  #closing = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /**
   * From now on links to consumers behave as told; `null`: as they are.
   *
   * @param forwards what each tensor weighs on its hops
   */
  emulate(emulation: Emulation | null, forwards: readonly Forward[]): void {
    this.#emulation = emulation;
    this.#forwards = forwards;
  }

  /** Lets a consumer in. */
  async accept(channel: Channel, { device }: Attach): Promise<void> {
    if (this.#consumers.has(device)) {
      const message = `device '${device}' is attached to '${this.#options.device}' already; two agents of one name?`;
      await refuse(channel, new CodedError("USAGE_INVALID", message, { device }));
      return;
    }
    this.#consumers.set(device, channel);
    this.#watch(channel, device);
    await channel.send(encodeMessage({ type: "attached" }));
  }

  /**
   * Dials a producer, or the coordinator (`null`), and listens to it.
   *
   * @throws CHANNEL_CLOSED, and what `introduce` throws
   */
  async dial(producer: string | null, address: string, generation: number): Promise<void> {
    const { transport, clock, token, device } = this.#options;
    const channel = await transport.connect(address);
    const attach: Attach = { type: "attach", protocol: protocolVersion, token, generation, device };
    await introduce(channel, clock, attach, "attached");
    if (producer === null) this.#outboxes.set(null, new Outbox(channel, clock));
    this.#watch(channel, producer);
    void this.#listen(channel, producer);
  }

  /**
   * Sends to a consumer, or the coordinator (`null`).
   *
   * @throws CHANNEL_CLOSED; FRAME_MALFORMED if the frame exceeds its limits
   */
  async send(to: string | null, frame: Frame): Promise<Sent> {
    const outbox = this.#outboxes.get(to) ?? this.#openOutbox(to);
    return await outbox.send(frame);
  }

  /** Tells the coordinator something; if it is gone, nothing. */
  async tell(message: Message): Promise<void> {
    await this.send(null, encodeMessage(message)).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#channels].map((channel) => channel.close()));
  }

  #openOutbox(to: string | null): Outbox {
    const channel = to === null ? undefined : this.#consumers.get(to);
    if (to === null || channel === undefined) {
      throw new CodedError(
        "CHANNEL_CLOSED",
        `device '${this.#options.device}' has no channel to '${to ?? "the coordinator"}'`,
      );
    }
    const outbox = new Outbox(this.#paced(channel, to), this.#options.clock);
    this.#outboxes.set(to, outbox);
    return outbox;
  }

  #paced(channel: Channel, to: string): Channel {
    const link = this.#emulation?.links.find((other) => other.to === to);
    if (link === undefined) return channel;
    const { clock } = this.#options;
    const planned = new Map(
      this.#forwards.filter((hop) => hop.to === to).map(({ tensor, bytes }) => [tensor, bytes]),
    );
    return paceChannel(channel, {
      clock,
      bandwidthBitsPerSecond: bitsPerSecond(link.bandwidthBitsPerSecond),
      latencySeconds: seconds(link.latencySeconds),
      // A tensor may be lighter on its way than it is here: an input that travels as a picture. What
      // is really coded weighs what it came to.
      bytesOf: ({ header, payload }) => {
        const stated = "codec" in header ? undefined : planned.get(String(header["tensor"]));
        return stated ?? payload.byteLength;
      },
      ...(link.medium === null ? {} : { medium: this.#medium(link.medium) }),
    });
  }

  #medium(name: string): Pacer {
    const medium = this.#media.get(name) ?? createPacer({ clock: this.#options.clock });
    this.#media.set(name, medium);
    return medium;
  }

  async #listen(channel: Channel, from: string | null): Promise<void> {
    try {
      for await (const frame of channel) this.#options.onMessage(decodeMessage(frame), from);
    } catch (error) {
      if (!this.#closing) this.#options.onLost(from, error);
      await channel.close();
    }
  }

  #watch(channel: Channel, device: string | null): void {
    this.#channels.add(channel);
    void channel.ended.then((error) => {
      this.#channels.delete(channel);
      if (!this.#closing) this.#options.onLost(device, error ?? closedBy(device));
    });
  }
}

function closedBy(device: string | null): CodedError {
  return new CodedError("CHANNEL_CLOSED", `${device ?? "the coordinator"} closed the data channel`);
}
