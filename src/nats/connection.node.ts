import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  type Authenticator,
  credsAuthenticator,
  type NatsConnection,
} from "@nats-io/transport-node";
import { CodedError, messageOf } from "../base/errors.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { engineError } from "./engine-error.ts";
import { connectGuarded } from "./guarded-transport.node.ts";
import { type NatsPlace, publicUrl } from "./nats-url.ts";

/** How a server lets this process in, where the URL does not say it. */
export interface NatsCredentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Path of a file of credentials, as `nsc` writes them. */
  readonly credentials?: string | undefined;
  /** Path of the certificates to trust, as PEM; default: those of the system. */
  readonly authorities?: string | undefined;
}

/** In milliseconds. A server that is silent for two pings has gone: there may be others. */
const times = { connect: 5000, reconnect: 250, ping: 1000 } as const;

/**
 * Connects to the servers of a cluster. A connection that breaks is made again for ever.
 *
 * @throws ENGINE_UNAVAILABLE; FILE_NOT_FOUND if a file of credentials or certificates cannot be read,
 * KEY_INVALID if it holds something else
 */
export async function connectNats(
  place: NatsPlace,
  given: NatsCredentials,
): Promise<NatsConnection> {
  const { servers } = place;
  const authenticator = await readCredentials(given);
  const ca = await readAuthorities(given);
  try {
    return await connectGuarded({
      servers: [...servers],
      name: "partita",
      timeout: times.connect,
      maxReconnectAttempts: -1,
      reconnectTimeWait: times.reconnect,
      pingInterval: times.ping,
      maxPingOut: 2,
      ...loginOf(place, given),
      ...(authenticator === null ? {} : { authenticator }),
      ...(place.tls || ca !== undefined ? { tls: encryptionOf(place, ca) } : {}),
    });
  } catch (error) {
    throw engineError(`no server of ${publicUrl(place)} lets this process in`, error);
  }
}

/** How servers are known: by the names or addresses by which they are dialled. */
function encryptionOf({ servers }: NatsPlace, ca: string | undefined) {
  const addresses = servers.map((server) => parseAddress(server).host).filter((host) => isIP(host));
  const check = (name: string, certificate: PeerCertificate): Error | undefined => {
    const failure = checkServerIdentity(name, certificate);
    // The library says only names: for an address this is the system's default.
    if (failure === undefined || name !== "localhost") return failure;
    const isNamed = addresses.some((host) => checkServerIdentity(host, certificate) === undefined);
    return isNamed ? undefined : failure;
  };
  return { ...(ca === undefined ? {} : { ca }), checkServerIdentity: check };
}

/** What a server is shown first of all: what stands in the URL, else what is given. */
export function passwordOf(
  { user, password }: NatsPlace,
  given: NatsCredentials,
): Pick<NatsCredentials, "user" | "password" | "token"> {
  if (user !== null && password !== null) return { user, password };
  const token = user ?? given.token;
  return token === undefined ? { user: given.user, password: given.password } : { token };
}

function loginOf(place: NatsPlace, given: NatsCredentials) {
  const { user, password, token } = passwordOf(place, given);
  if (token !== undefined) return { token };
  return user === undefined ? {} : { user, ...(password === undefined ? {} : { pass: password }) };
}

async function readCredentials({ credentials }: NatsCredentials): Promise<Authenticator | null> {
  if (credentials === undefined) return null;
  const authenticator = credsAuthenticator(new TextEncoder().encode(await read(credentials)));
  try {
    authenticator("a challenge");
  } catch (error) {
    throw noKeys(credentials, "no credentials as `nsc generate creds` writes them", error);
  }
  return authenticator;
}

async function readAuthorities({ authorities }: NatsCredentials): Promise<string | undefined> {
  if (authorities === undefined) return undefined;
  const pem = await read(authorities);
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw noKeys(authorities, "no certificate as PEM", error);
  }
  return pem;
}

/** What the file holds may be secret: it is not repeated. */
function noKeys(path: string, what: string, cause: unknown): CodedError {
  const message = `${path}, which is to open the NATS server, holds ${what}`;
  return new CodedError("KEY_INVALID", message, { path }, cause);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const message = `${path}, which is to open the NATS server, cannot be read: ${messageOf(error)}`;
    throw new CodedError("FILE_NOT_FOUND", message, { path }, error);
  }
}
