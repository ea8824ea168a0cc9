import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Arriving, Channel, Transport } from "../transport/transport.ts";
import { type AssemblyBudget, assemblyBudget } from "./assembly.ts";
import type { DialBack, Emulation, Peer } from "./control-message.ts";
import type { Attach, DataChannelKind, TensorMessage } from "./data-message.ts";
import type { DeviceResources } from "./device-resources.ts";
import { refuse } from "./handshake.ts";
import { checkDevice } from "./identity.ts";
import type { Liveness } from "./liveness.ts";
import type { Message } from "./message.ts";
import { Line } from "./neighbours/line.ts";
import { Pacing, type Weights } from "./neighbours/pacing.ts";
import type { Probed } from "./neighbours/probe.ts";
import { Traffic } from "./neighbours/traffic.ts";
import type { Pending, Sent, TensorPlace } from "./outbox.ts";
import { encodeMessage, type Received } from "./protocol.ts";

export interface NeighboursOptions {
  readonly device: string;
  /** Of this process: another one for each. */
  readonly incarnation: string;
  readonly token: string;
  /** Of several that this device runs. Default: there is one. */
  readonly model?: string | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Address of the coordinator, which passes frames on where two devices cannot dial each other. */
  readonly coordinator: string;
  /** Lets a device know, through the coordinator, that it is to dial this one. */
  readonly askDialBack: (kind: DataChannelKind, device: string, tunnel: boolean) => void;
  readonly liveness: () => Liveness;
  /**
   * Of this device: what tensors that have come in half may take, and links that are imitated. Default:
   * of a device without a limit that runs nothing else.
   */
  readonly resources?: Pick<DeviceResources, "assembly" | "media"> | undefined;
  /**
   * Whether a tensor of which a piece came is waited for; else its pieces are dropped. What it throws
   * ends that channel. Left out: every one is.
   */
  readonly isExpected?: (kind: DataChannelKind, device: string, message: TensorMessage) => boolean;
  /**
   * Called for each message, each tensor whole, each once, in the order in which they were complete.
   * What it throws ends that channel.
   *
   * @param transit of a tensor, from its first byte to its last; 0 for what came at once
   */
  readonly onMessage: (
    kind: DataChannelKind,
    device: string,
    received: Received,
    transit: { readonly seconds: number },
  ) => void;
  /** A device has ended a channel, or fallen silent, and could not be reached again at once. */
  readonly onLost: (device: string, error: unknown) => void;
  /** Every channel of a lost device stands again. */
  readonly onReached: (device: string) => void;
}

/** One kind of traffic with one device. */
interface Neighbour {
  readonly device: string;
  readonly line: Line;
  readonly traffic: Traffic;
}

/**
 * The data channels of a device: one of each kind to each other device, both ways, whichever side
 * dialled. A channel that breaks is opened again and goes on where it was, so that nothing is lost as
 * long as both processes live.
 */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #lost = new Map<string, Set<DataChannelKind>>();
  readonly #pacing: Pacing;
  readonly #budget: AssemblyBudget;
  #lives = 0;
  #closing = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#pacing = new Pacing(options.clock, options.resources?.media);
    this.#budget = options.resources?.assembly ?? assemblyBudget(null);
  }

  /** Bytes of what waits to be sent or acknowledged, and of tensors that have come in half. */
  get heldBytes(): number {
    return [...this.#neighbours.values()].reduce(
      (total, { traffic }) => total + traffic.outbox.bytes + traffic.assembly.bytes,
      0,
    );
  }

  /** Where devices can be dialled. */
  know(peers: readonly Peer[]): void {
    for (const { device, addresses } of peers) this.#addresses.set(device, addresses);
  }

  /**
   * Opens a channel and keeps it open until `drop`: dialled from here, else from there, else through
   * the coordinator. Both sides may call it.
   *
   * @throws CHANNEL_CLOSED after 5 s
   */
  async connect(kind: DataChannelKind, device: string): Promise<void> {
    if (this.#closing) throw this.#leaving();
    await this.#neighbour(kind, device).line.connect();
  }

  /** Takes an accepted channel whose first message was `attach`. */
  async accept(channel: Channel, attach: Attach): Promise<void> {
    const { kind, device, to } = attach;
    const refusal = this.#refusalOf(channel, device, to);
    if (refusal !== null) await refuse(channel, refusal);
    else await this.#neighbour(kind, device).line.accept(channel, attach, false);
  }

  /** A device cannot dial this one, and has sent word through the coordinator. */
  async dialBack({ kind, peer, tunnel }: DialBack): Promise<void> {
    if (this.#closing) return;
    if (peer.addresses.length > 0) this.know([peer]);
    await this.#neighbour(kind, peer.device).line.dialBack(tunnel);
  }

  /**
   * Resolves when a channel has taken the message.
   *
   * @throws CHANNEL_CLOSED if no channel was ever open, or it was given up
   */
  async send(
    kind: DataChannelKind,
    device: string,
    message: Message,
    payload?: Uint8Array<ArrayBuffer>,
  ): Promise<Sent> {
    return await this.#open(kind, device).outbox.send(encodeMessage(message, payload));
  }

  /**
   * Resolves when a channel has taken all of the value, which must stay as it is for ever: it goes
   * again if the channel breaks. Small ones overtake large ones.
   *
   * @throws CHANNEL_CLOSED if no channel was ever open, or the tensor was given up
   */
  async sendTensor(
    kind: DataChannelKind,
    device: string,
    place: TensorPlace,
    value: TensorValue,
  ): Promise<Sent> {
    return await this.#open(kind, device).outbox.sendTensor(place, value);
  }

  /** Hop channels behave like these links from now on; `null`: as they are. */
  emulate(emulation: Emulation | null, weights: Weights): void {
    this.#pacing.emulate(emulation, weights);
  }

  /** Gives up tensors that wait to be sent, or have come in half. */
  forget(isStale: (place: TensorPlace) => boolean): void {
    for (const { traffic } of this.#neighbours.values()) {
      traffic.outbox.forget(isStale);
      traffic.assembly.forget(isStale);
    }
  }

  /** A channel to a device ends when it was idle for a while; if it is lost, as soon as it is reached again. */
  drop(kind: DataChannelKind, device: string): void {
    this.#neighbours.get(keyOf(kind, device))?.line.drop();
  }

  /** Whether a channel is open now. */
  stands(kind: DataChannelKind, device: string): boolean {
    return this.#neighbours.get(keyOf(kind, device))?.line.stands ?? false;
  }

  /** Whether tensors to and from a device go through the coordinator. */
  isTunnelled(device: string): boolean {
    return this.#neighbours.get(keyOf("hop", device))?.line.isTunnelled ?? false;
  }

  /** How fast large tensors came in from a device; `null`: none did. */
  goodputBitsPerSecond(device: string): number | null {
    return this.#neighbours.get(keyOf("hop", device))?.traffic.goodputBitsPerSecond ?? null;
  }

  /** The tensor that has been on its way to a device for the longest; `null`: none is. */
  pending(device: string): Pending | null {
    const traffic = this.#neighbours.get(keyOf("hop", device))?.traffic;
    // What the other side says waits behind the tensors that it sends.
    return traffic?.outbox.pending(traffic.assembly.tensors === 0) ?? null;
  }

  /** What has come from a device of a frame that is not all here; `null`: there is none. */
  arriving(device: string): Arriving | null {
    return this.#neighbours.get(keyOf("hop", device))?.line.arriving ?? null;
  }

  /**
   * Measures the link to a device with so many bytes; opens a channel for it if none stands.
   *
   * @throws CHANNEL_CLOSED if there is no way, or it breaks
   */
  async probe(device: string, bytes: number): Promise<Probed> {
    if (this.#closing) throw this.#leaving();
    return await this.#neighbour("hop", device).line.probe(bytes);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#neighbours.values()].map(({ line }) => line.close()));
  }

  #refusalOf(channel: Channel, device: string, to: string): CodedError | null {
    const { device: own } = this.#options;
    if (this.#closing) return this.#leaving();
    if (to === own && device !== own) return checkDevice(device, channel);
    const message = `device '${device}' means '${to}', this is '${own}'; are two agents of one name or address running?`;
    return new CodedError("USAGE_INVALID", message, { device, to, own });
  }

  #leaving(): CodedError {
    return new CodedError("CHANNEL_CLOSED", `device '${this.#options.device}' is leaving`);
  }

  #open(kind: DataChannelKind, device: string): Traffic {
    const neighbour = this.#neighbours.get(keyOf(kind, device));
    if (neighbour === undefined) {
      const message = `device '${this.#options.device}' has no ${kind} channel to '${device}'`;
      throw new CodedError("CHANNEL_CLOSED", message, { device, kind });
    }
    neighbour.line.requireOpen();
    return neighbour.traffic;
  }

  #neighbour(kind: DataChannelKind, device: string): Neighbour {
    const key = keyOf(kind, device);
    const known = this.#neighbours.get(key);
    if (known !== undefined) return known;
    const { clock, incarnation, onMessage, isExpected = () => true } = this.#options;
    this.#lives++;
    const traffic = new Traffic({
      clock,
      assembly: {
        budget: this.#budget,
        isExpected: (message) => isExpected(kind, device, message),
      },
      life: `${incarnation}/${this.#lives}`,
      onMessage: (received, transit) => onMessage(kind, device, received, transit),
    });
    const neighbour = { device, traffic, line: this.#line(kind, device, traffic) };
    this.#neighbours.set(key, neighbour);
    return neighbour;
  }

  #line(kind: DataChannelKind, device: string, traffic: Traffic): Line {
    const { device: own, token, model, transport, clock, coordinator, liveness } = this.#options;
    return new Line({
      kind,
      own,
      device,
      token,
      model,
      transport,
      clock,
      coordinator,
      traffic,
      liveness,
      addresses: () => this.#addresses.get(device) ?? [],
      carry: (channel) => (kind === "hop" ? this.#pacing.carry(device, channel) : channel),
      askDialBack: () => this.#options.askDialBack(kind, device, false),
      onLost: (error) => this.#lose(kind, device, error),
      onReached: () => this.#reach(kind, device),
      onGone: () => this.#neighbours.delete(keyOf(kind, device)),
    });
  }

  #lose(kind: DataChannelKind, device: string, error: unknown): void {
    const kinds = this.#lost.get(device);
    if (kinds !== undefined) {
      kinds.add(kind);
      return;
    }
    this.#lost.set(device, new Set([kind]));
    if (!this.#closing) this.#options.onLost(device, error);
  }

  #reach(kind: DataChannelKind, device: string): void {
    const kinds = this.#lost.get(device);
    kinds?.delete(kind);
    if (kinds === undefined || kinds.size > 0) return;
    this.#lost.delete(device);
    if (!this.#closing) this.#options.onReached(device);
  }
}

function keyOf(kind: DataChannelKind, device: string): string {
  return `${kind} ${device}`;
}
