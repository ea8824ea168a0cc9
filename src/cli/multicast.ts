import { networkInterfaces } from "node:os";
import multicastDns from "multicast-dns";
import { messageOf } from "../base/errors.ts";

/** A DNS record, of the types that say where a service is. */
export type MulticastRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: "PTR"; readonly data: string }
  | { readonly type: "SRV"; readonly data: { readonly port: number; readonly target: string } }
  | { readonly type: "TXT"; readonly data: string[] }
  | { readonly type: "A"; readonly data: string }
);

/** What was heard: a question has names, an answer has records. */
export interface MulticastPacket {
  readonly questions: readonly string[];
  readonly records: readonly MulticastRecord[];
}

export interface MulticastSocket {
  hear(take: (packet: MulticastPacket) => void): void;
  onProblem(take: (why: string) => void): void;
  /** For the services of a kind. */
  ask(service: string): void;
  answer(records: readonly MulticastRecord[]): void;
  close(): void;
}

/** A way into the local network. */
export interface MulticastInterface {
  /** For messages: `eth0 (10.0.0.2)`. */
  readonly label: string;
  /** IPv4. */
  readonly address: string;
  open(): MulticastSocket;
}

/** Every IPv4 address of this machine that others may reach. */
export function multicastInterfaces(): MulticastInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all]) =>
    (all ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => ({
        label: `${name} (${address})`,
        address,
        open: () => openSocket(address),
      })),
  );
}

function openSocket(address: string): MulticastSocket {
  // Bound to the interface alone it would hear no multicast.
  const socket = multicastDns({ interface: address, bind: "0.0.0.0" });
  const problems: ((why: string) => void)[] = [];
  const report = (error: unknown): void => {
    for (const take of problems) take(messageOf(error));
  };
  const sent = (error: Error | null): void => {
    if (error !== null && error !== undefined) report(error);
  };
  socket.on("error", report);
  socket.on("warning", report);
  return {
    hear: (take) => {
      socket.on("query", ({ questions = [] }) => {
        take({ questions: questions.map(({ name }) => name), records: [] });
      });
      socket.on("response", ({ answers = [], additionals = [] }) => {
        take({ questions: [], records: [...answers, ...additionals].flatMap(readRecord) });
      });
    },
    onProblem: (take) => void problems.push(take),
    ask: (name) => socket.query([{ name, type: "PTR" }], sent),
    answer: (answers) => socket.respond([...answers], sent),
    close: () => socket.destroy(),
  };
}

type Heard = NonNullable<multicastDns.ResponsePacket["answers"]>[number];

/** A record of another type, or an incomplete one, is none. */
function readRecord(heard: Heard): MulticastRecord[] {
  const ttl = ("ttl" in heard ? heard.ttl : undefined) ?? 0;
  const { name } = heard;
  switch (heard.type) {
    case "PTR":
    case "A":
      return [{ name, ttl, type: heard.type, data: heard.data }];
    case "SRV":
      return [
        { name, ttl, type: "SRV", data: { port: heard.data.port, target: heard.data.target } },
      ];
    case "TXT":
      return [{ name, ttl, type: "TXT", data: [heard.data].flat().map(String) }];
    default:
      return [];
  }
}
