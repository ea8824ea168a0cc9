/**
 * Finding a coordinator on the local network by multicast DNS. A convenience: what an answer says
 * is checked by TLS against the token, and an address given with `--join` always works.
 *
 * @see RFC 6762 (multicast DNS), RFC 6763 (service discovery)
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { formatAddress, parseAddress } from "../transport/tcp-listener.node.ts";
import type { MulticastInterface, MulticastRecord, MulticastSocket } from "./multicast.ts";

const service = "_partita._tcp.local";
/** How long others may remember what was said. */
const ttl = 10;
/** Datagrams get lost: asked so often, with so much time between. */
const attempts = 3;
const attemptSeconds = seconds(1);

export interface Announcement {
  /** Where the coordinator listens. */
  readonly address: string;
  /** Of its authority; `null` without TLS. The secret is never said. */
  readonly fingerprint: string | null;
}

/** Answers whoever asks for coordinators, until it is closed. */
export function announce(
  interfaces: readonly MulticastInterface[],
  { address, fingerprint }: Announcement,
  onProblem: (text: string) => void,
): { close(): void } {
  const { host, port } = parseAddress(address);
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const sockets = interfaces
    .filter((way) => isEverywhere || way.address === host)
    .map((way) => {
      const socket = way.open();
      const answer = describe(way.address, port, fingerprint);
      socket.hear(({ questions }) => {
        if (questions.includes(service)) socket.answer(answer);
      });
      socket.onProblem((why) => onProblem(`cannot be found through ${way.label}: ${why}`));
      return socket;
    });
  return { close: () => closeAll(sockets) };
}

export interface Search {
  readonly interfaces: readonly MulticastInterface[];
  /** Of the token; others are passed over. `null`: of a cluster without TLS. */
  readonly fingerprint: string | null;
  readonly clock: Clock;
  /** Says what is asked, and where. */
  readonly note: (text: string) => void;
}

/**
 * Asks for the coordinator of a cluster, for 3 s at most.
 *
 * @returns its address
 * @throws USAGE_INVALID if nobody answers, with what was asked where, and what to do instead
 */
export async function findCoordinator(search: Search): Promise<string> {
  const { interfaces, fingerprint, clock, note } = search;
  const where = interfaces.map(({ label }) => label).join(", ") || "no network interface";
  note(`asks for ${service} on ${where}`);
  const problems: string[] = [];
  const others = new Set<string>();
  const found = new AbortController();
  let address: string | null = null;
  const sockets = interfaces.map((way) => {
    const socket = way.open();
    socket.onProblem((why) => problems.push(`${way.label}: ${why}`));
    socket.hear(({ records }) => {
      const heard = read(records);
      if (heard === null || address !== null) return;
      if (heard.fingerprint !== fingerprint) {
        others.add(heard.address);
        return;
      }
      address = heard.address;
      found.abort();
    });
    return socket;
  });
  for (let attempt = 0; attempt < attempts && address === null; attempt++) {
    for (const socket of sockets) socket.ask(service);
    await clock.sleep(attemptSeconds, found.signal).catch(() => undefined);
  }
  closeAll(sockets);
  if (address !== null) return address;
  throw notFound(where, problems, [...others]);
}

function closeAll(sockets: readonly MulticastSocket[]): void {
  for (const socket of sockets) socket.close();
}

function describe(host: string, port: number, fingerprint: string | null): MulticastRecord[] {
  // Names must differ from machine to machine, and a label has at most 63 characters.
  const instance = `${host.replaceAll(".", "-")}-${port}`;
  const name = `${instance}.${service}`;
  const target = `${instance}.local`;
  return [
    { name: service, type: "PTR", ttl, data: name },
    { name, type: "SRV", ttl, data: { port, target } },
    { name, type: "TXT", ttl, data: [`fingerprint=${fingerprint ?? ""}`] },
    { name: target, type: "A", ttl, data: host },
  ];
}

/** What an answer says; `null`: it is none of a coordinator. */
function read(
  records: readonly MulticastRecord[],
): { readonly address: string; readonly fingerprint: string | null } | null {
  const name = records.find((record) => record.type === "PTR" && record.name === service)?.data;
  const server = records.find((record) => record.type === "SRV" && record.name === name);
  const text = records.find((record) => record.type === "TXT" && record.name === name);
  if (server?.type !== "SRV" || text?.type !== "TXT") return null;
  const { port, target } = server.data;
  const host = records.find((record) => record.type === "A" && record.name === target);
  if (host?.type !== "A") return null;
  const said = text.data.find((line) => line.startsWith("fingerprint="))?.slice(12) ?? "";
  return { address: formatAddress(host.data, port), fingerprint: said === "" ? null : said };
}

function notFound(where: string, problems: string[], others: string[]): CodedError {
  const remarks = [
    ...(others.length === 0
      ? []
      : [`coordinators of other clusters answer at ${others.join(", ")}`]),
    ...problems,
  ];
  const remark = remarks.length === 0 ? "" : ` (${remarks.join("; ")})`;
  return new CodedError(
    "USAGE_INVALID",
    `no coordinator of this token answered on ${where} within ${attempts} s${remark}; multicast reaches ` +
      "the local network only, and many networks block it: give the address that `partita coordinator` " +
      "printed with --join HOST:PORT",
    { where, problems, others },
  );
}
