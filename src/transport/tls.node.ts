/**
 * Frames over TLS 1.3. Who is trusted is decided by one fingerprint, of the cluster's own
 * certificate authority, never by host names or by the authorities of the operating system.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { RefusedChannel } from "./refused-channel.ts";
import { nameTerms, TcpChannel } from "./tcp-channel.node.ts";
import { listenTcp, parseAddress } from "./tcp-listener.node.ts";
import { handshakeMilliseconds, TlsHandshakes, tlsTerms } from "./tls-handshakes.node.ts";
import { readIdentity, type TlsIdentity } from "./tls-identity.node.ts";
import {
  anonymous,
  type Channel,
  type ConnectOptions,
  defaultLimits,
  type FrameLimits,
  type Transport,
} from "./transport.ts";

export interface TlsOptions {
  /** SHA-256 of the public key of the cluster's certificate authority, base64url. */
  readonly trust: string;
  /**
   * Asked for each connection: it changes when a device has joined. Who has none can dial, as a
   * client does, and nobody can dial it.
   */
  readonly identity: () => TlsIdentity | null;
}

/** Type of the first TLS record of a handshake (RFC 8446, 5.1). */
const handshakeRecord = 0x16;

/**
 * Makes a transport that encrypts, and says who is on the other side. Dialling, it insists on a
 * certificate of the trusted authority. Accepting, it lets in whoever shows none, as `anonymous`: a
 * client, or a device that joins for the first time. Whoever shows a certificate that is not
 * trusted, or does not speak TLS, comes out as a channel that can only be told why it is refused.
 */
export function createTlsTransport(options: TlsOptions): Transport {
  return {
    name: "tls",
    connect: (address, how = {}) => dial(options, address, how),
    listen: (address, limits = defaultLimits) => {
      const handshakes = new TlsHandshakes(options.identity);
      return listenTcp(address, (socket, peer) =>
        greet(options.trust, handshakes, { socket, peer, limits }),
      );
    },
  };
}

async function dial(options: TlsOptions, address: string, how: ConnectOptions): Promise<Channel> {
  how.signal?.throwIfAborted();
  const destination = parseAddress(address);
  const identity = options.identity();
  const own = identity === null ? {} : { key: identity.key, cert: identity.certificate };
  let isAnswered = false;
  let shown: X509Certificate | undefined;
  const channel = new TcpChannel(address, how.limits ?? defaultLimits, (onread) => {
    // Node reads in place over TLS as well, its types do not say so.
    const terms = { ...destination, ...nameTerms, ...tlsTerms, ...own, onread };
    const socket = connect(terms);
    socket.once("connect", () => {
      isAnswered = true;
    });
    const late = new Error(`the handshake took longer than ${handshakeMilliseconds / 1000} s`);
    const giveUp = () => socket.destroy(late);
    socket.once("secureConnect", () => {
      socket.setTimeout(0).off("timeout", giveUp);
      shown = socket.getPeerX509Certificate();
    });
    return socket.setTimeout(handshakeMilliseconds, giveUp);
  });
  try {
    await channel.opened("secureConnect", how.signal);
  } catch (error) {
    throw isAnswered && isCoded(error) ? speaksNoTls(address, error) : error;
  }
  try {
    channel.identity = readIdentity(shown, options.trust, address, Date.now() / 1000);
  } catch (error) {
    void channel.close();
    throw error;
  }
  return channel;
}

function speaksNoTls(address: string, error: CodedError): CodedError {
  return new CodedError(
    "CHANNEL_CLOSED",
    `${address} answers, but not with TLS (${reasonOf(error.cause)}); if that cluster runs without ` +
      "TLS, take its token as it was printed there: it ends without .FINGERPRINT",
    { peer: address },
    error,
  );
}

/** OpenSSL's message names its source files; its reason says the same in words. */
function reasonOf(cause: unknown): string {
  const { reason } = Object(cause) as { readonly reason?: unknown };
  return typeof reason === "string" ? reason : messageOf(cause);
}

interface Stranger {
  readonly socket: Socket;
  readonly peer: string;
  readonly limits: FrameLimits;
}

/** Looks at the first byte: whoever speaks without TLS can be told so. */
async function greet(
  trust: string,
  handshakes: TlsHandshakes,
  stranger: Stranger,
): Promise<Channel | null> {
  const { socket, peer, limits } = stranger;
  const first = await readFirst(socket);
  if (first === null) return null;
  socket.unshift(first);
  if (first[0] !== handshakeRecord) {
    return new RefusedChannel(new TcpChannel(peer, limits, socket), speaksPlainly(peer));
  }
  const secured = await handshakes.shake(socket);
  if (secured === null) return null;
  const channel = new TcpChannel(peer, limits, secured);
  const shown = secured.getPeerX509Certificate();
  try {
    channel.identity =
      shown === undefined ? anonymous : readIdentity(shown, trust, peer, Date.now() / 1000);
    return channel;
  } catch (error) {
    if (isCoded(error)) return new RefusedChannel(channel, error);
    throw error;
  }
}

/** The first bytes of a connection; `null` if it ends or stays silent. */
async function readFirst(socket: Socket): Promise<Buffer | null> {
  socket.on("error", () => undefined);
  socket.setTimeout(handshakeMilliseconds, () => socket.destroy());
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  try {
    await once(socket, "readable", { signal: gone.signal });
  } catch {
    return null;
  }
  socket.setTimeout(0);
  const first: Buffer | null = socket.read();
  if (first === null) socket.destroy();
  return first;
}

function speaksPlainly(peer: string): CodedError {
  return new CodedError(
    "TOKEN_REFUSED",
    "this cluster speaks TLS, and it was dialled without; take the token as the coordinator printed " +
      "it, with the fingerprint behind the dot",
    { peer },
  );
}
