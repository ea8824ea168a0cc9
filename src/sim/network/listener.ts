import { defaultInboxLimits, Inbox } from "../../transport/inbox.ts";
import type { Channel, FrameLimits, Listener } from "../../transport/transport.ts";
import type { Machine } from "./machine.ts";
import type { Socket } from "./socket.ts";

/** Where a program of a host accepts channels. */
export class SocketListener implements Listener {
  readonly address: string;
  readonly limits: FrameLimits;
  readonly #machine: Machine;
  readonly #waiting = new Inbox<Socket>(defaultInboxLimits, () => undefined);
  #closed = false;

  constructor(address: string, limits: FrameLimits, machine: Machine) {
    this.address = address;
    this.limits = limits;
    this.#machine = machine;
  }

  /** The kernel accepts at once, the program when it gets to it. */
  accept(socket: Socket): void {
    this.#machine.dispatch(() => {
      if (this.#closed) void socket.close();
      else this.#waiting.push(socket, 0);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#machine.listeners.delete(this.address);
    this.#waiting.end(null);
    for (const socket of this.#waiting.drain()) await socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Channel> {
    return this.#waiting[Symbol.asyncIterator]();
  }
}
