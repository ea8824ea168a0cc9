/**
 * Who needs TLS, and with which keys: by where the coordinator listens, and by the token.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { CodedError } from "../base/errors.ts";
import type { Authority } from "../cluster/authority.node.ts";
import type { DeviceKeys } from "../cluster/identity.ts";
import { readOrMake } from "../cluster/key-file.node.ts";
import { formatToken, parseToken } from "../cluster/token.ts";
import { tcpTransport } from "../transport/tcp.node.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { createTlsTransport } from "../transport/tls.node.ts";
import type { Transport } from "../transport/transport.ts";
import { stateFolderOf } from "./places.ts";

export interface CoordinatorSecurityOptions {
  readonly listen: string;
  /** `--tls`, `--no-tls`; `undefined`: TLS unless it listens on the loopback only. */
  readonly tls: boolean | undefined;
  /** As the user gave it. Default: one that is made once and kept. */
  readonly token: string | undefined;
  /** Of this cluster's state. */
  readonly folder: string;
  readonly warn: (text: string) => void;
}

export interface CoordinatorSecurity {
  readonly transport: Transport;
  /** What the first messages must show. */
  readonly secret: string;
  /** What is printed, for agents and clients. */
  readonly token: string;
  /** `null` without TLS. */
  readonly authority: Authority | null;
}

/**
 * How a coordinator listens. Off the loopback that is TLS, with the cluster's own authority.
 *
 * @throws USAGE_INVALID for a token that is none, or has another cluster's fingerprint;
 * KEY_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED for the kept files
 */
export async function secureCoordinator(
  options: CoordinatorSecurityOptions,
): Promise<CoordinatorSecurity> {
  const { listen, folder, warn } = options;
  const isLocal = isLoopback(listen);
  const given = parseToken(
    options.token ??
      (await readOrMake(join(folder, "token"), async () => randomBytes(18).toString("base64url"))),
  );
  const { secret } = given;
  if (!(options.tls ?? !isLocal)) {
    if (!isLocal) {
      warn(
        `TLS is off, and ${listen} is no loopback address: whoever is on the way reads everything`,
      );
    }
    return { transport: tcpTransport, secret, token: secret, authority: null };
  }
  // Whoever needs no certificates does without the library that makes them, which loads slowly.
  const { openAuthority } = await import("../cluster/authority.node.ts");
  const authority = await openAuthority(folder);
  const { fingerprint, identity } = authority;
  if (given.fingerprint !== null && given.fingerprint !== fingerprint) {
    throw new CodedError(
      "USAGE_INVALID",
      `the token ends in the fingerprint ${given.fingerprint}, but the authority in ${folder} has ` +
        `${fingerprint}; give only what stands in front of the dot, or the state folder of that cluster`,
      { given: given.fingerprint, fingerprint, folder },
    );
  }
  const transport = createTlsTransport({ trust: fingerprint, identity: () => identity });
  return { transport, secret, token: formatToken({ secret, fingerprint }), authority };
}

export interface AgentSecurity {
  readonly transport: Transport;
  readonly secret: string;
  /** `null` without TLS. */
  readonly keys: DeviceKeys | null;
}

/**
 * How an agent dials and listens: with TLS, and keys of its own, exactly if its token has a
 * fingerprint.
 *
 * @param stateFolder of this user; the keys lie in it, by cluster and device
 * @throws USAGE_INVALID, KEY_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function secureAgent(
  text: string,
  device: string,
  stateFolder: string,
): Promise<AgentSecurity> {
  const { secret, fingerprint } = parseToken(text);
  if (fingerprint === null) return { transport: tcpTransport, secret, keys: null };
  const { openKeyStore } = await import("../cluster/key-store.node.ts");
  const cluster = join(stateFolder, "agents", fingerprint);
  const keys = await openKeyStore(stateFolderOf({ stateFolder: cluster }, device), fingerprint);
  const transport = createTlsTransport({ trust: fingerprint, identity: keys.identity });
  return { transport, secret, keys };
}

/**
 * How clients and watchers dial: with TLS if the token has a fingerprint, without a certificate.
 *
 * @throws USAGE_INVALID
 */
export function secureClient(text: string): Omit<AgentSecurity, "keys"> {
  const { secret, fingerprint } = parseToken(text);
  if (fingerprint === null) return { transport: tcpTransport, secret };
  return { transport: createTlsTransport({ trust: fingerprint, identity: () => null }), secret };
}

/** Whether an address `host:port` is reached from this machine only. */
export function isLoopback(address: string): boolean {
  return isLoopbackHost(parseAddress(address).host);
}

/** The same of its host. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
