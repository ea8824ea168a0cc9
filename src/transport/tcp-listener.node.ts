import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { CodedError, messageOf } from "../base/errors.ts";
import { Inbox } from "./inbox.ts";
import type { Channel, Listener } from "./transport.ts";

/** Makes a channel of an accepted connection; `null`: nothing came of it. */
export type Greet = (socket: Socket, peer: string) => Channel | Promise<Channel | null>;

/**
 * Listens for TCP connections.
 *
 * @throws PORT_IN_USE; USAGE_INVALID if `address` is none, or none of this machine
 */
export async function listenTcp(address: string, greet: Greet): Promise<Listener> {
  const { host, port } = parseAddress(address);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(address, error)));
    server.listen({ host, port }, resolve);
  });
  return new TcpListener(server, host, greet);
}

/**
 * Takes `host:port` or `[::1]:port` apart.
 *
 * @throws USAGE_INVALID; what stands in front of an @ is not repeated: it may be a password
 */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65535) return { host, port };
  const shown = address.replace(/^.*@/s, "…@");
  throw new CodedError(
    "USAGE_INVALID",
    `"${shown}" is no address; write "host:port", for instance "127.0.0.1:7000" or "[::1]:7000"`,
    { address: shown },
  );
}

function cannotListen(address: string, error: NodeJS.ErrnoException): CodedError {
  if (error.code === "EADDRINUSE") {
    return new CodedError(
      "PORT_IN_USE",
      `another process listens at ${address}; end it or choose another port (0 = any)`,
      { address },
      error,
    );
  }
  const why = listenFailures[error.code ?? ""] ?? messageOf(error);
  const message = `cannot listen at ${address}: ${why}`;
  return new CodedError("USAGE_INVALID", message, { address }, error);
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    "this machine has no such address; name one of its own, or 0.0.0.0 for all of them",
  EACCES: "only root may take this port; choose one above 1023",
  ENOTFOUND: "no such name is known; write an address of this machine, or 0.0.0.0 for all of them",
};

/** How many connections may wait to be accepted; more are refused. */
const waitingLimits = { items: 256, bytes: Number.POSITIVE_INFINITY };

class TcpListener implements Listener {
  readonly address: string;
  readonly #server: Server;
  readonly #greet: Greet;
  /** Accepted, but no channels yet. */
  readonly #strangers = new Set<Socket>();
  readonly #waiting = new Inbox<Channel>(waitingLimits, () => undefined);
  #closed = false;

  constructor(server: Server, host: string, greet: Greet) {
    const { port } = server.address() as AddressInfo;
    this.address = formatAddress(host, port);
    this.#server = server;
    this.#greet = greet;
    server.on("connection", (socket) => void this.#accept(socket));
    // A connection that cannot be accepted (too many open files) is its peer's loss only.
    server.on("error", () => undefined);
  }

  async close(): Promise<void> {
    // Not awaited: the port is free at once, the callback waits for every accepted channel.
    this.#server.close();
    this.#closed = true;
    this.#waiting.end(null);
    for (const socket of this.#strangers) socket.destroy();
    await Promise.all(this.#waiting.drain().map((channel) => channel.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Channel> {
    return this.#waiting[Symbol.asyncIterator]();
  }

  async #accept(socket: Socket): Promise<void> {
    if (this.#waiting.full || this.#strangers.size >= waitingLimits.items) {
      socket.destroy();
      return;
    }
    const peer = formatAddress(socket.remoteAddress ?? "unknown", socket.remotePort ?? 0);
    const greeted = this.#greet(socket, peer);
    if (!(greeted instanceof Promise)) {
      this.#waiting.push(greeted, 0);
      return;
    }
    this.#strangers.add(socket);
    const channel = await greeted.catch(() => {
      // What a stranger does is its own loss, whatever it is.
      socket.destroy();
      return null;
    });
    this.#strangers.delete(socket);
    if (this.#closed) await channel?.close();
    else if (channel !== null) this.#waiting.push(channel, 0);
  }
}

/** `host:port`, as `parseAddress` takes it. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
