import type { AgentEvent } from "./agent-options.ts";
import type { Heartbeat, Probe } from "./control-message.ts";
import type { DataChannelKind } from "./data-message.ts";
import type { Message } from "./message.ts";
import { patience } from "./neighbours/line-limits.ts";
import { Neighbours, type NeighboursOptions } from "./neighbours.ts";
import { coded, toWire } from "./protocol.ts";

export interface DeviceChannelsOptions extends Omit<NeighboursOptions, "askDialBack"> {
  /** Tells the coordinator something; if it is away, nothing. */
  readonly tell: (message: Message) => void;
  readonly onEvent: (event: AgentEvent) => void;
}

const kinds: readonly DataChannelKind[] = ["hop", "gateway"];

/** A device's channels to others, and what the coordinator is told of them. */
export class DeviceChannels {
  readonly neighbours: Neighbours;
  readonly #options: DeviceChannelsOptions;
  readonly #lost = new Map<string, unknown>();
  /** Those that were lost once, and are not now. */
  readonly #again = new Set<string>();
  /** Devices that there was to be a channel to. */
  readonly #linked = new Set<string>();
  #expectedUntil = Number.POSITIVE_INFINITY;

  constructor(options: DeviceChannelsOptions) {
    const { tell } = options;
    this.#options = options;
    this.neighbours = new Neighbours({
      ...options,
      askDialBack: (kind, device, tunnel) =>
        tell({ type: "dialBack", kind, peer: { device, addresses: [] }, tunnel }),
      onLost: (device, error) => this.#lose(device, error),
      onReached: (device) => this.#reach(device),
    });
  }

  /** What has been on its way for the longest, for each device that something is on its way to. */
  get pending(): Heartbeat["pending"] {
    return [...this.#linked].flatMap((device) => {
      const pending = this.neighbours.pending(device);
      return pending === null ? [] : [{ device, ...pending }];
    });
  }

  /** What has come of a frame that is not all here, for each device that one comes from. */
  get arriving(): Heartbeat["arriving"] {
    return [...this.#linked].flatMap((device) => {
      const arriving = this.neighbours.arriving(device);
      return arriving === null ? [] : [{ device, ...arriving }];
    });
  }

  /** @throws CHANNEL_CLOSED */
  async connect(kind: DataChannelKind, device: string): Promise<void> {
    this.#linked.add(device);
    try {
      await this.neighbours.connect(kind, device);
    } catch (error) {
      // What was given up while nobody needed it says nothing of what has been opened since.
      if (!this.neighbours.stands(kind, device)) throw error;
    }
  }

  /** A device wants to be dialled. */
  expect(device: string): void {
    this.#linked.add(device);
    this.#expectedUntil = this.#options.clock.now() + patience.all;
  }

  /** Whether what was opened because others wanted it should be needed here by now; true once. */
  takeOverdue(): boolean {
    const isOverdue = this.#options.clock.now() >= this.#expectedUntil;
    if (isOverdue) this.#expectedUntil = Number.POSITIVE_INFINITY;
    return isOverdue;
  }

  /** Has channels end that nobody needs; one that is lost is tried on, to tell when it stands. */
  keepOnly(needed: Readonly<Record<DataChannelKind, ReadonlySet<string>>>): void {
    for (const device of [...this.#linked]) {
      if (this.#lost.has(device)) continue;
      const unneeded = kinds.filter((kind) => !needed[kind].has(device));
      if (unneeded.length === kinds.length) this.#linked.delete(device);
      for (const kind of unneeded) this.neighbours.drop(kind, device);
    }
  }

  /** Measures a link, and tells the coordinator what it was like. */
  async probe({ peer, bytes }: Probe): Promise<void> {
    const { device } = peer;
    this.#linked.add(device);
    if (peer.addresses.length > 0) this.neighbours.know([peer]);
    const asked = { type: "probed", device, bytes } as const;
    try {
      const link = await this.neighbours.probe(device, bytes);
      this.#options.tell({ ...asked, link, error: null });
    } catch (error) {
      this.#options.tell({ ...asked, link: null, error: toWire(error) });
    }
  }

  /** Tells the coordinator again what is lost, and what no longer is. */
  tellLost(): void {
    for (const device of this.#again) this.#options.tell({ type: "reached", device });
    for (const [device, error] of this.#lost) {
      this.#options.tell({ type: "lost", device, error: toWire(error) });
    }
  }

  #lose(device: string, error: unknown): void {
    const { tell, onEvent, onLost } = this.#options;
    this.#lost.set(device, error);
    this.#again.delete(device);
    tell({ type: "lost", device, error: toWire(error) });
    onEvent({ type: "lost", device, error: coded(error) });
    onLost(device, error);
  }

  #reach(device: string): void {
    const { tell, onEvent, onReached } = this.#options;
    if (this.#lost.delete(device)) {
      this.#again.add(device);
      tell({ type: "reached", device });
      onEvent({ type: "reached", device });
    }
    onReached(device);
  }
}
