import { CodedError } from "../base/errors.ts";
import { FrameIntake } from "./frame-intake.ts";
import { defaultInboxLimits, Inbox, type InboxLimits } from "./inbox.ts";
import {
  type Channel,
  defaultLimits,
  type Frame,
  type FrameLimits,
  type Listener,
  type Transport,
} from "./transport.ts";

export interface MemoryTransport extends Transport {
  /**
   * Loses what listens at `address`, as if its machine had vanished: both sides of its channels
   * end with CHANNEL_CLOSED, and nobody answers there any more.
   */
  cut(address: string): void;
}

/**
 * A transport within one process, with an address space of its own. Any text is an address; `:0` at
 * its end is replaced by a free number. Frames are encoded and copied as on a wire, so that neither
 * side sees the other's memory: a payload may be kept by its sender and transferred by its receiver.
 * Uses no timers: what happens depends on the order of calls alone.
 *
 * @param queue what a receiver holds for its consumer before `send` waits
 */
export function createMemoryTransport(queue: InboxLimits = defaultInboxLimits): MemoryTransport {
  const listeners = new Map<string, MemoryListener>();
  let lastPort = 0;
  let dialled = 0;
  return {
    name: "memory",
    connect: async (address, options = {}) => {
      options.signal?.throwIfAborted();
      const listener = listeners.get(address);
      if (listener === undefined) {
        throw new CodedError("CHANNEL_CLOSED", `nobody listens at ${address}`, { address });
      }
      dialled++;
      const near = new MemoryChannel(address, options.limits ?? defaultLimits, queue);
      const far = new MemoryChannel(`memory-${dialled}`, listener.limits, queue);
      near.join(far);
      listener.accept(far);
      return near;
    },
    listen: async (wanted, limits = defaultLimits) => {
      const address = wanted.endsWith(":0") ? `${wanted.slice(0, -1)}${++lastPort}` : wanted;
      if (listeners.has(address)) {
        throw new CodedError("PORT_IN_USE", `somebody listens at ${address} already`, { address });
      }
      const listener = new MemoryListener(address, limits, () => listeners.delete(address));
      listeners.set(address, listener);
      return listener;
    },
    cut: (address) => {
      listeners.get(address)?.vanish();
    },
  };
}

class MemoryListener implements Listener {
  readonly address: string;
  readonly limits: FrameLimits;
  readonly #waiting = new Inbox<MemoryChannel>(defaultInboxLimits, () => undefined);
  readonly #channels = new Set<MemoryChannel>();
  readonly #forget: () => void;

  constructor(address: string, limits: FrameLimits, forget: () => void) {
    this.address = address;
    this.limits = limits;
    this.#forget = forget;
  }

  accept(channel: MemoryChannel): void {
    this.#channels.add(channel);
    void channel.ended.then(() => this.#channels.delete(channel));
    this.#waiting.push(channel, 0);
  }

  vanish(): void {
    this.#forget();
    this.#waiting.end(null);
    for (const channel of this.#channels) {
      channel.fail(
        new CodedError("CHANNEL_CLOSED", `${this.address} vanished`, { address: this.address }),
      );
    }
  }

  async close(): Promise<void> {
    this.#forget();
    this.#waiting.end(null);
    for (const channel of this.#waiting.drain()) await channel.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Channel> {
    return this.#waiting[Symbol.asyncIterator]();
  }
}

class MemoryChannel implements Channel {
  readonly peer: string;
  readonly identity = null;
  readonly #intake: FrameIntake;
  #other: MemoryChannel | null = null;
  /** Sends that wait until this side has room. */
  #blocked: (() => void)[] = [];

  constructor(peer: string, limits: FrameLimits, queue: InboxLimits) {
    this.peer = peer;
    this.#intake = new FrameIntake({ peer, limits, queue, onRoom: () => this.#wake() });
  }

  get ended(): Promise<CodedError | null> {
    return this.#intake.ended;
  }

  /** Makes two channels the two sides of one. */
  join(other: MemoryChannel): void {
    this.#other = other;
    other.#other = this;
  }

  async send(frame: Frame): Promise<void> {
    const other = this.#other;
    if (this.#intake.closed !== null) throw this.#intake.closed;
    if (other === null) throw new CodedError("CHANNEL_CLOSED", `${this.peer} was never joined`);
    other.#receive(this.#intake.header(frame), frame.payload);
    while (other.#intake.full && this.#intake.closed === null) {
      await new Promise<void>((wake) => other.#blocked.push(wake));
    }
  }

  setLimits(limits: FrameLimits): void {
    this.#intake.limits = limits;
  }

  async close(): Promise<void> {
    const other = this.#other;
    if (other !== null) other.#end(null, "the other side closed it");
    this.#end(null, "it was closed on this side");
  }

  /** Ends both sides in disorder. */
  fail(error: CodedError): void {
    const other = this.#other;
    if (other !== null) other.#end(error, error.message);
    this.#end(error, error.message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    return this.#intake[Symbol.asyncIterator]();
  }

  #receive(header: Uint8Array, payload: Uint8Array): void {
    const why = this.#intake.take(header, payload);
    if (why === null) return;
    const told = new CodedError("CHANNEL_CLOSED", `the receiver gave up: ${why.message}`, {}, why);
    if (this.#other !== null) this.#other.#end(told, told.message);
    this.#end(why, why.message);
  }

  #end(error: CodedError | null, why: string): void {
    if (!this.#intake.end(error, why)) return;
    // Who waits for the other side to read is told that it never will.
    if (this.#other !== null) this.#other.#wake();
  }

  #wake(): void {
    for (const wake of this.#blocked.splice(0)) wake();
  }
}
