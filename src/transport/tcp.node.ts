/**
 * Frames over TCP. An address is `host:port`, `[::1]:port` for IPv6; port 0 listens at any that is
 * free.
 *
 * @module
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { CodedError, messageOf } from "../base/errors.ts";
import { Inbox } from "./inbox.ts";
import { TcpChannel } from "./tcp-channel.node.ts";
import {
  type Channel,
  defaultLimits,
  type FrameLimits,
  type Listener,
  type Transport,
} from "./transport.ts";

export const tcpTransport: Transport = {
  name: "tcp",
  connect: async (address, options = {}) => {
    options.signal?.throwIfAborted();
    const limits = options.limits ?? defaultLimits;
    const channel = new TcpChannel(address, limits, parseAddress(address));
    await channel.opened(options.signal);
    return channel;
  },
  listen: async (address, limits = defaultLimits) => {
    const { host, port } = parseAddress(address);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(cannotListen(address, error)));
      server.listen({ host, port }, resolve);
    });
    return new TcpListener(server, host, limits);
  },
};

/** @throws USAGE_INVALID */
function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65535) return { host, port };
  throw new CodedError(
    "USAGE_INVALID",
    `"${address}" is no address; write "host:port", for instance "127.0.0.1:7000" or "[::1]:7000"`,
    { address },
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
  const message = `cannot listen at ${address}: ${messageOf(error)}`;
  return new CodedError("USAGE_INVALID", message, { address }, error);
}

/** How many connections may wait to be accepted; more are refused. */
const waitingLimits = { items: 256, bytes: Number.POSITIVE_INFINITY };

class TcpListener implements Listener {
  readonly address: string;
  readonly #server: Server;
  readonly #limits: FrameLimits;
  readonly #waiting = new Inbox<TcpChannel>(waitingLimits, () => undefined);

  constructor(server: Server, host: string, limits: FrameLimits) {
    const { port } = server.address() as AddressInfo;
    this.address = formatAddress(host, port);
    this.#server = server;
    this.#limits = limits;
    server.on("connection", (socket) => this.#accept(socket));
    // A connection that cannot be accepted (too many open files) is its peer's loss only.
    server.on("error", () => undefined);
  }

  async close(): Promise<void> {
    // Not awaited: the port is free at once, the callback waits for every accepted channel.
    this.#server.close();
    this.#waiting.end(null);
    await Promise.all(this.#waiting.drain().map((channel) => channel.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Channel> {
    return this.#waiting[Symbol.asyncIterator]();
  }

  #accept(socket: Socket): void {
    if (this.#waiting.full) {
      socket.destroy();
      return;
    }
    const peer = formatAddress(socket.remoteAddress ?? "unknown", socket.remotePort ?? 0);
    this.#waiting.push(new TcpChannel(peer, this.#limits, socket), 0);
  }
}

function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
