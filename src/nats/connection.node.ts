import { readFile } from "node:fs/promises";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
} from "@nats-io/transport-node";
import { CodedError, messageOf } from "../base/errors.ts";
import { unavailable } from "./engine-error.ts";
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
const times = { connect: 5000, reconnect: 250, ping: 2000 } as const;

/**
 * Connects to the servers of a cluster. A connection that breaks is made again for ever.
 *
 * @throws ENGINE_UNAVAILABLE; FILE_NOT_FOUND if a file of credentials cannot be read
 */
export async function connectNats(
  place: NatsPlace,
  given: NatsCredentials,
): Promise<NatsConnection> {
  const { servers, tls } = place;
  const authenticator = await readCredentials(given);
  const ca = given.authorities === undefined ? undefined : await read(given.authorities);
  try {
    return await connect({
      servers: [...servers],
      name: "partita",
      timeout: times.connect,
      maxReconnectAttempts: -1,
      reconnectTimeWait: times.reconnect,
      pingInterval: times.ping,
      maxPingOut: 2,
      ...loginOf(place, given),
      ...(authenticator === null ? {} : { authenticator }),
      ...(tls || ca !== undefined ? { tls: ca === undefined ? {} : { ca } } : {}),
    });
  } catch (error) {
    throw unavailable(`no server of ${publicUrl(place)} lets this process in`, error);
  }
}

/** The URL comes first. */
function loginOf({ user, password }: NatsPlace, given: NatsCredentials) {
  if (user !== null && password !== null) return { user, pass: password };
  const token = user ?? given.token;
  if (token !== undefined) return { token };
  if (given.user === undefined) return {};
  return { user: given.user, ...(given.password === undefined ? {} : { pass: given.password }) };
}

async function readCredentials({ credentials }: NatsCredentials): Promise<Authenticator | null> {
  if (credentials === undefined) return null;
  return credsAuthenticator(new TextEncoder().encode(await read(credentials)));
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const message = `${path}, which is to open the NATS server, cannot be read: ${messageOf(error)}`;
    throw new CodedError("FILE_NOT_FOUND", message, { path }, error);
  }
}
