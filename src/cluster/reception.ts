import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { anonymous, type Channel, type Listener } from "../transport/transport.ts";
import { AgentLink } from "./agent-link.ts";
import type { Join, Welcome } from "./control-message.ts";
import type { Tunnel } from "./data-message.ts";
import { Enquiries, type EnquiriesOptions } from "./enquiries.ts";
import { admit, refuse } from "./handshake.ts";
import { type CertificateAuthority, checkDevice, type KnownDevices } from "./identity.ts";
import { decodeMessage, encodeMessage, malformed, type Received } from "./protocol.ts";
import { Roster } from "./roster.ts";

export interface ReceptionOptions {
  readonly listener: Listener;
  readonly clock: Clock;
  readonly token: string;
  readonly liveness: Pick<Welcome, "heartbeatSeconds" | "missedHeartbeats">;
  /** Certifies keys; `null`: without TLS. */
  readonly authority: CertificateAuthority | null;
  readonly known: KnownDevices;
  /** Why an agent may not join; `null`: it may. */
  readonly refusalOf: (join: Join) => CodedError | null;
  readonly onJoined: (link: AgentLink) => void;
  /** Called for each message of an agent. What it throws ends the channel, thus the device. */
  readonly onControl: (link: AgentLink, received: Received) => void;
  /** Called when an agent's channel has ended, in order or not. */
  readonly onLeft: (device: string, why: string) => void;
  readonly onTunnel: (channel: Channel, first: Tunnel) => void;
  readonly onWatch: (channel: Channel) => void;
  /** Has a device measure its link to another one. Default: nobody can. */
  readonly probe?: EnquiriesOptions["probe"];
  /** Where requests are taken, as soon as they are. @throws DEVICE_LOST, CHANNEL_CLOSED */
  readonly whereToAsk: () => Promise<readonly string[]>;
}

/** A device that has not been heard for so many heartbeats may be replaced under its name. */
const replacedAfterBeats = 2;

/** Accepts whoever dials the coordinator, and listens to agents. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #links = new Map<string, AgentLink>();
  readonly #enquiries: Enquiries;
  readonly #roster: Roster;
  #closing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    const { clock, liveness, probe } = options;
    const summon = (device: string, task: number): boolean => {
      const link = this.#links.get(device);
      void link?.tell({ type: "summon", task });
      return link !== undefined;
    };
    this.#enquiries = new Enquiries({ clock, summon, probe });
    this.#roster = new Roster(clock, liveness, [null]);
    void this.#acceptAll();
  }

  /** The agent of a device, while it is there. */
  link(device: string): AgentLink | undefined {
    return this.#links.get(device);
  }

  links(): Iterable<AgentLink> {
    return this.#links.values();
  }

  /** Ends the channel of a device that is not heard any more; it may join again. */
  drop(device: string): void {
    const link = this.#links.get(device);
    this.#links.delete(device);
    void link?.drop();
  }

  /** Tells every agent to end, and why. */
  async close(why: CodedError): Promise<void> {
    this.#closing = true;
    const farewells = [...this.#links.values()].map((link) => link.dismiss(why.message));
    await Promise.allSettled([...farewells, this.#enquiries.close()]);
    await this.#roster.close(why.message);
    await this.#options.listener.close();
  }

  /** Stops as if killed: nobody is told anything. */
  async abandon(): Promise<void> {
    this.#closing = true;
    const links = [...this.#links.values()];
    this.#links.clear();
    const closing = [this.#enquiries.close(), this.#roster.abandon()];
    await Promise.allSettled([...links.map((link) => link.drop()), ...closing]);
    await this.#options.listener.close();
  }

  async #acceptAll(): Promise<void> {
    for await (const channel of this.#options.listener) void this.#accept(channel);
  }

  async #accept(channel: Channel): Promise<void> {
    const first = await admit(channel, this.#options.clock, this.#options.token);
    if (first === null) return;
    if (this.#closing) {
      await refuse(channel, closing());
      return;
    }
    switch (first.type) {
      case "join":
        return await this.#welcome(channel, first);
      case "open":
        return await this.#redirect(channel);
      case "tunnel":
        return await this.#tunnel(channel, first);
      case "watch":
        this.#options.onWatch(channel);
        return;
      case "follow":
        return await this.#roster.accept(channel);
      case "survey":
      case "take":
      case "task":
        return await this.#enquiries.accept(channel, first);
      case "attach":
        await refuse(channel, malformed("a first message 'attach'", "this is a coordinator"));
    }
  }

  async #welcome(channel: Channel, join: Join): Promise<void> {
    const { clock, onJoined, onControl, onLeft, liveness } = this.#options;
    const { name, incarnation } = join;
    const found = await this.#certify(channel, join);
    // It may have been closed while others were asked.
    const admitted = this.#closing ? closing() : found;
    if (admitted instanceof CodedError) {
      await refuse(channel, admitted);
      return;
    }
    const earlier = this.#links.get(name);
    if (earlier !== undefined) {
      this.drop(name);
      if (earlier.agent.incarnation !== incarnation) onLeft(name, "it was started again");
    }
    const link = new AgentLink(join, channel, clock);
    this.#links.set(name, link);
    void link.tell({ type: "welcome", ...liveness, certificate: admitted.certificate });
    onJoined(link);
    const why = await follow(channel, (received) => onControl(link, received));
    // It may have been replaced, or given up, in the meantime.
    if (this.#links.get(name) !== link) return;
    this.#links.delete(name);
    onLeft(name, why);
  }

  /** Whether an agent may join, and with which certificate. */
  async #certify(
    channel: Channel,
    join: Join,
  ): Promise<CodedError | { readonly certificate: string | null }> {
    const { name, certificateRequest: request, addresses } = join;
    const { authority, known, refusalOf } = this.#options;
    const holder = await this.#holderOf(join);
    const refusal = holder === null ? refusalOf(join) : nameTaken(holder.agent, join);
    if (refusal !== null) return refusal;
    if (channel.identity !== anonymous || request === null) {
      const foreign = checkDevice(name, channel);
      if (foreign !== null) return foreign;
    }
    if (authority === null) return { certificate: null };
    if (request === null) return withoutRequest(name, channel);
    try {
      const { certificate, keyFingerprint } = await authority.certify(name, request);
      const address = addresses[0] ?? channel.peer;
      return known.admit(name, { keyFingerprint, address }) ?? { certificate };
    } catch (error) {
      return error instanceof CodedError
        ? error
        : new CodedError("IDENTITY_REFUSED", messageOf(error), { name }, error);
    }
  }

  /** The agent that was let in under a name and still says something, as it does each heartbeat. */
  async #holderOf({ name, incarnation }: Join): Promise<AgentLink | null> {
    const { clock, liveness } = this.#options;
    const patience = seconds(replacedAfterBeats * liveness.heartbeatSeconds);
    for (;;) {
      const link = this.#links.get(name);
      if (link === undefined || link.agent.incarnation === incarnation) return null;
      const silentSince = link.heardAt;
      if (clock.now() - silentSince > patience) return null;
      link.ping();
      await clock.sleep(patience);
      // It may have been replaced by one that has waited as well, and is gone, too.
      if (this.#links.get(name) === link) return link.heardAt > silentSince ? link : null;
    }
  }

  async #redirect(channel: Channel): Promise<void> {
    try {
      const addresses = await this.#options.whereToAsk();
      await channel.send(encodeMessage({ type: "elsewhere", addresses }));
      await channel.close();
    } catch (error) {
      await refuse(channel, error);
    }
  }

  async #tunnel(channel: Channel, first: Tunnel): Promise<void> {
    const foreign = checkDevice(first.device, channel);
    if (foreign === null) this.#options.onTunnel(channel, first);
    else await refuse(channel, foreign);
  }
}

/** Listens until a channel has ended. @returns why */
async function follow(channel: Channel, take: (received: Received) => void): Promise<string> {
  try {
    for await (const frame of channel) take(decodeMessage(frame));
    return "it left the cluster";
  } catch (error) {
    await channel.close();
    return messageOf(error);
  }
}

function closing(): CodedError {
  return new CodedError("CHANNEL_CLOSED", "the coordinator is shutting down");
}

/** A certificate alone would let in a key that had the name before another one got it. */
function withoutRequest(name: string, { peer }: Channel): CodedError {
  return new CodedError(
    "IDENTITY_REFUSED",
    `${peer} joins as device '${name}' and asks for no certificate, as every device of a cluster with TLS does; start its agent with the token that the coordinator printed`,
    { name, peer },
  );
}

function nameTaken(earlier: AgentLink["agent"], { name, addresses }: Join): CodedError {
  const [there, here] = [earlier.addresses[0] ?? "", addresses[0] ?? ""];
  return new CodedError(
    "USAGE_INVALID",
    `device '${name}' has joined already, from ${there}; the agent at ${here} needs another name: start it with --name NAME`,
    { name, there, here },
  );
}
