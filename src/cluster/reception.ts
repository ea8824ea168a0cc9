import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Channel, Listener } from "../transport/transport.ts";
import { AgentLink } from "./agent-link.ts";
import { ClientDoor, type ClientDoorOptions } from "./client-door.ts";
import { admit, refuse, staleness } from "./handshake.ts";
import type { Attach, Join } from "./message.ts";
import { decodeMessage, encodeMessage, type Received } from "./protocol.ts";

export interface ReceptionOptions extends ClientDoorOptions {
  readonly listener: Listener;
  readonly clock: Clock;
  readonly token: string;
  readonly heartbeatSeconds: number;
  readonly generation: number;
  /** Why an agent may not join; `null`: it may. */
  readonly refusalOf: (join: Join) => CodedError | null;
  readonly onJoined: (link: AgentLink) => void;
  /** Called for each message of an agent. What it throws ends the channel, thus the device. */
  readonly onControl: (link: AgentLink, received: Received) => void;
  readonly onData: (device: string, received: Received) => void;
  /** Called when one of an agent's channels has ended, in order or not. */
  readonly onLeft: (device: string, why: string) => void;
}

/** Accepts whoever dials the coordinator, agents and clients, and listens to them. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #links = new Map<string, AgentLink>();
  readonly #clients = new Set<ClientDoor>();
  #closing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    void this.#acceptAll();
  }

  /** The agent of a device, while it is there. */
  link(device: string): AgentLink | undefined {
    return this.#links.get(device);
  }

  links(): Iterable<AgentLink> {
    return this.#links.values();
  }

  /** Tells everybody to end, and why. */
  async close(why: CodedError): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#links.values()].map((link) => link.dismiss(why.message)));
    await Promise.allSettled([...this.#clients].map((client) => client.dismiss(why)));
    await this.#options.listener.close();
  }

  async #acceptAll(): Promise<void> {
    for await (const channel of this.#options.listener) void this.#accept(channel);
  }

  async #accept(channel: Channel): Promise<void> {
    const first = await admit(channel, this.#options.clock, this.#options.token);
    if (first === null) return;
    if (this.#closing) {
      await refuse(channel, new CodedError("CHANNEL_CLOSED", "the coordinator is shutting down"));
    } else if (first.type === "join") await this.#welcome(channel, first);
    else if (first.type === "attach") await this.#attach(channel, first);
    else await this.#serve(channel);
  }

  async #welcome(channel: Channel, join: Join): Promise<void> {
    const { clock, heartbeatSeconds, refusalOf, onJoined, onControl } = this.#options;
    const { name } = join;
    const refusal = this.#links.has(name) ? nameTaken(name) : refusalOf(join);
    if (refusal !== null) {
      await refuse(channel, refusal);
      return;
    }
    const link = new AgentLink(join, channel, clock);
    this.#links.set(name, link);
    void link.tell({ type: "welcome", heartbeatSeconds });
    onJoined(link);
    await this.#follow(name, channel, (received) => onControl(link, received));
    this.#links.delete(name);
  }

  async #attach(channel: Channel, attach: Attach): Promise<void> {
    const { device } = attach;
    const stale = staleness(attach, this.#options.generation);
    if (stale !== null) {
      await refuse(channel, stale);
      return;
    }
    const link = this.#links.get(device);
    if (link === undefined || link.isAttached) {
      const message = `agent '${device}' ${link === undefined ? "has not joined" : "is attached already"}`;
      await refuse(channel, new CodedError("USAGE_INVALID", message, { device }));
      return;
    }
    link.attach(channel);
    void channel.send(encodeMessage({ type: "attached" })).catch(() => undefined);
    await this.#follow(device, channel, (received) => this.#options.onData(device, received));
  }

  async #serve(channel: Channel): Promise<void> {
    const client = new ClientDoor(channel, this.#options);
    this.#clients.add(client);
    await client.serve();
    this.#clients.delete(client);
  }

  async #follow(
    device: string,
    channel: Channel,
    take: (received: Received) => void,
  ): Promise<void> {
    let why = "it left the cluster";
    try {
      for await (const frame of channel) take(decodeMessage(frame));
    } catch (error) {
      why = messageOf(error);
      await channel.close();
    }
    this.#options.onLeft(device, why);
  }
}

function nameTaken(name: string): CodedError {
  return new CodedError(
    "USAGE_INVALID",
    `an agent named '${name}' has joined already; every device needs its own name`,
    { name },
  );
}
