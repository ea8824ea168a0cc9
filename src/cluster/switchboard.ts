import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Channel } from "../transport/transport.ts";
import { type Pair, pairOf } from "./coordination/state.ts";
import type { DataChannelKind, Tunnel } from "./data-message.ts";
import { refuse } from "./handshake.ts";
import { splice } from "./splice.ts";

export interface SwitchboardOptions {
  readonly clock: Clock;
  /** Tells a device to dial a tunnel to another one. */
  readonly ask: (device: string, kind: DataChannelKind, from: string) => void;
}

/** Two devices whose frames pass through here. */
export interface TunnelEnds {
  readonly kind: DataChannelKind;
  /** In the order in which they came. */
  readonly devices: readonly [string, string];
  /** Payload bytes that were passed on so far, both ways. */
  readonly bytes: number;
}

/** How long the first of two waits for the second. */
const patienceSeconds = seconds(5);

/** One device that waits for the other. */
interface Caller {
  readonly channel: Channel;
  readonly tunnel: Tunnel;
  readonly met: AbortController;
}

/**
 * The coordinator's side of tunnels: two devices that cannot dial each other both dial here, and
 * each frame of one is passed on to the other as it is. A side that does not read stops the other.
 */
export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #callers = new Map<string, Caller>();
  readonly #channels = new Set<Channel>();
  readonly #pairs = new Map<string, Pair>();
  readonly #tunnels = new Map<Channel, { bytes: number } & TunnelEnds>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
  }

  /** The tunnels that stand. */
  get tunnels(): readonly TunnelEnds[] {
    return [...this.#tunnels.values()];
  }

  /** Devices that exchange tensors through here, or did since they joined. */
  get pairs(): readonly Pair[] {
    return [...this.#pairs.values()];
  }

  /** A device has joined anew: it may be dialled now. */
  forget(device: string): void {
    const standing = this.tunnels.map(({ kind, devices }) => keyOf(kind, devices));
    for (const [key, { a, b }] of this.#pairs) {
      if ((a === device || b === device) && !standing.includes(key)) this.#pairs.delete(key);
    }
  }

  /**
   * Takes an accepted channel whose first message was `tunnel`. If the other device is not here yet
   * it is asked to dial; who waits too long is told DEVICE_LOST.
   */
  async accept(channel: Channel, tunnel: Tunnel): Promise<void> {
    const key = keyOf(tunnel.kind, [tunnel.device, tunnel.to]);
    const other = this.#callers.get(key);
    if (other !== undefined) {
      this.#callers.delete(key);
      other.met.abort();
      if (other.tunnel.device !== tunnel.device) {
        await this.#join(other, channel, tunnel);
        return;
      }
      // The same device again: it has given up the channel before.
      void other.channel.close();
    }
    await this.#wait(key, { channel, tunnel, met: new AbortController() }, other === undefined);
  }

  async close(): Promise<void> {
    for (const { met, channel } of this.#callers.values()) {
      met.abort();
      this.#channels.add(channel);
    }
    this.#callers.clear();
    await Promise.all([...this.#channels].map((channel) => channel.close()));
  }

  async #wait(key: string, caller: Caller, isFirst: boolean): Promise<void> {
    const { channel, tunnel, met } = caller;
    this.#callers.set(key, caller);
    void channel.ended.then(() => met.abort());
    if (isFirst) this.#options.ask(tunnel.to, tunnel.kind, tunnel.device);
    const isOver = await this.#options.clock.sleep(patienceSeconds, met.signal).then(
      () => true,
      () => false,
    );
    if (this.#callers.get(key) !== caller) return;
    this.#callers.delete(key);
    if (!isOver) return;
    const message = `device '${tunnel.to}' did not dial the coordinator within ${patienceSeconds} s for a tunnel to '${tunnel.device}'`;
    await refuse(channel, new CodedError("DEVICE_LOST", message, { device: tunnel.to }));
  }

  async #join(first: Caller, channel: Channel, tunnel: Tunnel): Promise<void> {
    const pair = [first.channel, channel] as const;
    const devices = [first.tunnel.device, tunnel.device] as const;
    const ends = { kind: tunnel.kind, devices, bytes: 0 };
    for (const side of pair) this.#channels.add(side);
    this.#tunnels.set(channel, ends);
    if (tunnel.kind === "hop") this.#pairs.set(keyOf("hop", devices), pairOf(...devices));
    await splice(pair, { type: "tunnelled" }, (bytes) => {
      ends.bytes += bytes;
    });
    this.#tunnels.delete(channel);
    for (const side of pair) this.#channels.delete(side);
  }
}

function keyOf(kind: DataChannelKind, devices: readonly string[]): string {
  return JSON.stringify([kind, ...devices.toSorted()]);
}
