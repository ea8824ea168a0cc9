import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readOrMake } from "../cluster/key-file.node.ts";
import { type Credentials, type Nats, type NatsLogin, ports } from "../deploy/installation.ts";
import { passwordOf } from "../nats/connection.node.ts";
import { type NatsPlace, parseNatsUrl, publicUrl } from "../nats/nats-url.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { readText } from "./files.ts";
import { secureCoordinator } from "./security.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The keys of an installation, made once and kept: agents know their coordinator by them, so that
 * manifests that are written again must have the same.
 *
 * @param token as the user gave it; `undefined`: one that is made
 * @throws USAGE_INVALID, KEY_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function openInstallationKeys(
  folder: string,
  token: string | undefined,
): Promise<Credentials> {
  const security = await secureCoordinator({
    listen: `0.0.0.0:${ports.coordinator}`,
    tls: true,
    token,
    folder,
    warn: () => undefined,
  });
  const authority = await readFile(join(folder, "authority.pem"), "utf8");
  return { token: security.token, authority };
}

/**
 * @param given `own`, the URL of a server as all commands take it, or nothing
 * @throws USAGE_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function chooseNats(
  folder: string,
  given: string | undefined,
  terminal: Terminal,
): Promise<Nats> {
  if (given === undefined) return { type: "none" };
  if (given === "own") {
    const make = async (): Promise<string> => randomBytes(18).toString("base64url");
    return { type: "own", password: await readOrMake(join(folder, "nats-password"), make) };
  }
  const place = parseNatsUrl(given);
  const dialled = place.servers.map((server) => parseAddress(server).port);
  const login = await readLogin(place, terminal);
  return { type: "given", url: publicUrl(place), ports: [...new Set(dialled)], login };
}

/** As the environment says it here, for where there is another one. @throws FILE_NOT_FOUND */
async function readLogin(place: NatsPlace, terminal: Terminal): Promise<NatsLogin> {
  const { credentials, authorities } = terminal.nats;
  const login = {
    ...passwordOf(place, terminal.nats),
    credentials: credentials === undefined ? undefined : await readText(credentials, terminal),
    authorities: authorities === undefined ? undefined : await readText(authorities, terminal),
  };
  return Object.fromEntries(Object.entries(login).filter(([, value]) => value !== undefined));
}
