/**
 * Breaks of the connection to a server. What was begun on it comes to nothing, for which the library
 * waits all the same: for an answer 5 s, for a watch to go on 10 s.
 *
 * @module
 */
import { errors, type NatsConnection, NatsConnectionImpl } from "@nats-io/transport-node";

export class Breaks {
  readonly #listeners = new Set<() => void>();

  /** What is asked of the server fails from now on when the connection breaks: it is to be asked again. */
  constructor(connection: NatsConnection) {
    void this.#watch(connection);
  }

  /** Calls a listener whenever the connection breaks. @returns what ends that */
  on(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      // What waits to be sent is thrown away each time that the server is dialled.
      if (type === "disconnect" || type === "reconnecting") giveUpRequests(connection);
      if (type === "disconnect") for (const listener of [...this.#listeners]) listener();
    }
  }
}

function giveUpRequests(connection: NatsConnection): void {
  if (!(connection instanceof NatsConnectionImpl)) return;
  const why = new errors.RequestError("the connection to the server has broken");
  for (const request of connection.protocol.muxSubscriptions.all()) request.cancel(why);
}
