import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { TlsIdentity } from "./tls-identity.node.ts";

/** Whoever connects and does not finish the handshake is sent away. */
export const handshakeMilliseconds = 10_000;

/** What both sides insist on. The authorities of the operating system count for nothing. */
export const tlsTerms: {
  readonly ca: string[];
  readonly minVersion: "TLSv1.3";
  readonly rejectUnauthorized: false;
} = { ca: [], minVersion: "TLSv1.3", rejectUnauthorized: false };

/** The accepting side of TLS handshakes on connections that somebody else accepts. */
export class TlsHandshakes {
  readonly #server: Server;
  /** By the four numbers that make a connection unique. */
  readonly #pending = new Map<string, (secured: TLSSocket | null) => void>();
  #current: TlsIdentity | null = null;

  /** @param identity asked before each handshake; while it is `null`, handshakes fail */
  constructor(identity: () => TlsIdentity | null) {
    const patience = { requestCert: true, handshakeTimeout: handshakeMilliseconds };
    this.#server = createServer({ ...tlsTerms, ...patience });
    this.#server.prependListener("connection", () => this.#renew(identity()));
    this.#server.on("secureConnection", (secured) => {
      this.#pending.get(connectionOf(secured))?.(secured);
    });
    // Its socket closes, which says all there is to say.
    this.#server.on("tlsClientError", () => undefined);
  }

  /** @returns `null` if it fails: its peer's loss only */
  async shake(socket: Socket): Promise<TLSSocket | null> {
    const connection = connectionOf(socket);
    const secured = await new Promise<TLSSocket | null>((resolve) => {
      this.#pending.set(connection, resolve);
      socket.once("close", () => resolve(null));
      this.#server.emit("connection", socket);
    });
    this.#pending.delete(connection);
    return secured;
  }

  #renew(identity: TlsIdentity | null): void {
    if (identity === null || identity === this.#current) return;
    this.#current = identity;
    const { key, certificate } = identity;
    const { ca, minVersion } = tlsTerms;
    this.#server.setSecureContext({ ca, minVersion, key, cert: certificate });
  }
}

function connectionOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
