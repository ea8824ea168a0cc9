import type { Frame } from "../../transport/transport.ts";
import type { Socket } from "../network/socket.ts";

/** Watches the channels of programs: no question that came over one is answered twice over it. */
export class Answers {
  /** Questions that were answered more than once. */
  doubled = 0;
  readonly #complain: (violation: string) => void;
  readonly #ended = new WeakMap<Socket, Set<unknown>>();

  constructor(complain: (violation: string) => void) {
    this.#complain = complain;
  }

  take(socket: Socket, { type, request }: Frame["header"]): void {
    if (socket.opening?.type !== "open" || (type !== "answer" && type !== "failure")) return;
    // The failure of no request is the end of the channel.
    if (request === 0) return;
    const ended = this.#ended.get(socket) ?? new Set();
    this.#ended.set(socket, ended);
    if (ended.has(request)) {
      this.doubled++;
      this.#complain(`request ${request} of ${socket.peer} has two answers`);
    }
    ended.add(request);
  }
}
