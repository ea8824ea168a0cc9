import { createServer, type Socket } from "node:net";
import type { ConnectionInjector } from "@grpc/grpc-js";
import { CodedError, messageOf } from "../../base/errors.ts";

/** Takes connections for a server of the library, which lets nobody end them. */
export interface GrpcListener {
  readonly port: number;
  /** @param peer an address and a port, as the library names it */
  cut(peer: string): void;
  cutAll(): void;
  /** Takes no new connections. Resolves when all have ended. */
  close(): Promise<void>;
}

/**
 * @param port 0: any that is free
 * @throws PORT_IN_USE
 */
export async function listen(
  injector: ConnectionInjector,
  host: string,
  port: number,
): Promise<GrpcListener> {
  const sockets = new Map<string, Socket>();
  const server = createServer((socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.set(peer, socket);
    socket.once("close", () => sockets.delete(peer));
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const message = `cannot serve gRPC at ${host}:${port} (${messageOf(error)}); choose another with --grpc`;
      reject(new CodedError("PORT_IN_USE", message, { host, port }, error));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    cut: (peer) => sockets.get(peer)?.destroy(),
    cutAll: () => {
      for (const socket of sockets.values()) socket.destroy();
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
