import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { defaultInboxLimits, Inbox } from "../transport/inbox.ts";
import {
  type Channel,
  type Listener,
  openingLimits,
  type Transport,
} from "../transport/transport.ts";
import { ForwardedChannel } from "./forwarded-channel.ts";
import { admit, type Opening, refuse } from "./handshake.ts";
import { encodeMessage } from "./protocol.ts";

/** What is behind one address; `null`: one that whoever names no model means. */
export type ModelKey = string | null;

export interface SharedListenerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Whoever dials must show it. */
  readonly token: string;
  /** Whom a first message means: a model that listens, or why there is none. */
  readonly resolve: (first: Opening, listening: ReadonlySet<ModelKey>) => ModelKey | CodedError;
  /** A device or program that wants to know what runs here. */
  readonly onFollow?: (channel: Channel) => void;
}

/**
 * One address for several models, each of which listens as if it were there alone: a channel goes to
 * the one that its first message means.
 */
export class SharedListener implements AsyncDisposable {
  readonly address: string;
  readonly #options: SharedListenerOptions;
  readonly #listener: Listener;
  readonly #desks = new Map<ModelKey, Desk>();
  #closing = false;

  /** @throws PORT_IN_USE */
  static async open(listen: string, options: SharedListenerOptions): Promise<SharedListener> {
    return new SharedListener(await options.transport.listen(listen, openingLimits), options);
  }

  /** Use `open`. */
  private constructor(listener: Listener, options: SharedListenerOptions) {
    this.address = listener.address;
    this.#listener = listener;
    this.#options = options;
    void this.#acceptAll();
  }

  /** Dials as it is; whoever listens on it gets the channels of one model, whatever the address. */
  transportFor(model: ModelKey): Transport {
    const { transport } = this.#options;
    return {
      name: transport.name,
      connect: (address, options) => transport.connect(address, options),
      listen: async () => this.#listen(model),
    };
  }

  /** Whoever listens for a model is to be closed before. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws PORT_IN_USE */
  #listen(model: ModelKey): Listener {
    const { address } = this;
    if (this.#desks.has(model)) {
      const message = `model '${model}' is listened for at ${address} already`;
      throw new CodedError("PORT_IN_USE", message, { address, model });
    }
    const desk = new Desk(address, () => this.#desks.delete(model));
    this.#desks.set(model, desk);
    return desk;
  }

  async #acceptAll(): Promise<void> {
    for await (const channel of this.#listener) void this.#accept(channel);
  }

  async #accept(channel: Channel): Promise<void> {
    const { clock, token, resolve, onFollow } = this.#options;
    const first = await admit(channel, clock, token);
    if (first === null) return;
    if (first.type === "follow" && onFollow !== undefined && !this.#closing) {
      onFollow(channel);
      return;
    }
    const meant = resolve(first, new Set(this.#desks.keys()));
    const desk = meant instanceof CodedError ? undefined : this.#desks.get(meant);
    if (desk !== undefined) desk.accept(new ForwardedChannel(channel, encodeMessage(first)));
    else await refuse(channel, meant instanceof CodedError ? meant : gone(this.address));
  }
}

/** Where the channels of one model are accepted. */
class Desk implements Listener {
  readonly address: string;
  readonly #waiting = new Inbox<Channel>(defaultInboxLimits, () => undefined);
  readonly #onClose: () => void;

  constructor(address: string, onClose: () => void) {
    this.address = address;
    this.#onClose = onClose;
  }

  accept(channel: Channel): void {
    this.#waiting.push(channel, 0);
  }

  async close(): Promise<void> {
    this.#onClose();
    this.#waiting.end(null);
    await Promise.all(this.#waiting.drain().map((channel) => refuse(channel, gone(this.address))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Channel> {
    return this.#waiting[Symbol.asyncIterator]();
  }
}

function gone(address: string): CodedError {
  return new CodedError("CHANNEL_CLOSED", `nobody takes channels at ${address} any more`, {
    address,
  });
}
