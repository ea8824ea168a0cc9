import { CodedError } from "../base/errors.ts";

/** Where a cluster is kept, as `--nats` says it. */
export interface NatsPlace {
  /** `host:port`, those of one NATS cluster. */
  readonly servers: readonly string[];
  /** Whether to speak TLS only; else the server decides. */
  readonly tls: boolean;
  /** What stands in front of the `@`; `null`: nothing. A user without a password is a token. */
  readonly user: string | null;
  readonly password: string | null;
  /** Which of the clusters on these servers: its name stands in all buckets and subjects. */
  readonly cluster: string;
  /** On how many servers everything is kept. */
  readonly replicas: number;
}

const urlPattern =
  /^(?<scheme>nats|tls):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<servers>[^/?]+)(?:\/(?<cluster>[^?]*))?(?:\?replicas=(?<replicas>[135]))?$/;
/** What a bucket and a subject may be named; not so long that nobody reads them. */
const clusterPattern = /^[A-Za-z0-9_-]{1,32}$/;
const serverPattern = /^(?:[\w.-]+|\[[\da-fA-F:]+\])(?::(?<port>\d{1,5}))?$/;
const mostPort = 65_535;
const usualPort = 4222;
const usualCluster = "default";

/**
 * Reads `nats://USER:PASSWORD@HOST:PORT,HOST:PORT/CLUSTER?replicas=3`, of which only a host must be
 * there; `tls://` insists on TLS. What stands in front of the `@` is percent-encoded.
 *
 * @throws USAGE_INVALID; repeats nothing of the text: a host may be missing, and a password stand in its place
 */
export function parseNatsUrl(text: string): NatsPlace {
  const groups = urlPattern.exec(text.trim())?.groups;
  if (groups === undefined) {
    throw noUrl("nats://[USER:PASSWORD@]HOST[:PORT][,…][/CLUSTER][?replicas=1|3|5] was expected");
  }
  const { scheme, user, password, servers = "", cluster, replicas } = groups;
  if (servers.endsWith("@")) throw noUrl("a HOST was expected behind the @");
  if (servers.includes("@") || cluster?.includes("@")) {
    throw noUrl("what stands in front of the last @ is to be percent-encoded (/ is %2F, @ is %40)");
  }
  const name = cluster === undefined || cluster === "" ? usualCluster : cluster;
  if (!clusterPattern.test(name)) {
    throw noUrl("the cluster's name, behind the /, may have 1 to 32 letters, digits, - and _");
  }
  if (!servers.split(",").every(isServer)) {
    throw noUrl("HOST[:PORT][,HOST[:PORT]…] was expected behind nats:// and what ends with @");
  }
  return {
    servers: servers
      .split(",")
      .map((server) => (/:\d+$/.test(server) ? server : `${server}:${usualPort}`)),
    tls: scheme === "tls",
    user: user === undefined ? null : decode(user),
    password: password === undefined ? null : decode(password),
    cluster: name,
    replicas: Number(replicas ?? 1),
  };
}

function isServer(text: string): boolean {
  const groups = serverPattern.exec(text)?.groups;
  return groups !== undefined && Number(groups["port"] ?? usualPort) <= mostPort;
}

/** The place as others may read it: without user and password. */
export function publicUrl({ servers, tls, cluster, replicas }: NatsPlace): string {
  const copies = replicas === 1 ? "" : `?replicas=${replicas}`;
  return `${tls ? "tls" : "nats"}://${servers.join(",")}/${cluster}${copies}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw noUrl("what stands in front of the @ is not percent-encoded");
  }
}

function noUrl(why: string): CodedError {
  return new CodedError("USAGE_INVALID", `that is no address of a NATS server: ${why}`);
}
