import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { announce, findCoordinator } from "./discovery.ts";
import type { MulticastInterface, MulticastPacket, MulticastRecord } from "./multicast.ts";

/** A network on which everybody hears everything, also what they say themselves. */
class Lan {
  readonly said: MulticastRecord[] = [];
  questions = 0;
  open = 0;
  readonly #ears = new Set<(packet: MulticastPacket) => void>();
  readonly #loses: number;

  /** @param loses so many questions at first */
  constructor(loses = 0) {
    this.#loses = loses;
  }

  at(address: string, problem?: string): MulticastInterface {
    return {
      label: `eth0 (${address})`,
      address,
      open: () => {
        const ears: ((packet: MulticastPacket) => void)[] = [];
        this.open++;
        return {
          hear: (take) => {
            ears.push(take);
            this.#ears.add(take);
          },
          onProblem: (take) => {
            if (problem !== undefined) take(problem);
          },
          ask: (service) => {
            if (this.questions++ >= this.#loses) this.say({ questions: [service], records: [] });
          },
          answer: (records) => {
            this.said.push(...records);
            this.say({ questions: [], records });
          },
          close: () => {
            this.open--;
            for (const ear of ears) this.#ears.delete(ear);
          },
        };
      },
    };
  }

  say(packet: MulticastPacket): void {
    for (const ear of [...this.#ears]) ear(packet);
  }
}

const clock = () => createVirtualClock({ settle: () => setImmediate() });
const quiet = () => undefined;

test("finds the coordinator of the token's fingerprint among others, and says what it asked where", async () => {
  const lan = new Lan();
  const notes: string[] = [];
  const services = [
    announce([lan.at("10.0.0.3")], { address: "0.0.0.0:7003", fingerprint: "other" }, quiet),
    announce([lan.at("10.0.0.4")], { address: "0.0.0.0:7004", fingerprint: null }, quiet),
    announce([lan.at("10.0.0.1")], { address: "0.0.0.0:7001", fingerprint: "ours" }, quiet),
  ];
  const search = {
    interfaces: [lan.at("10.0.0.2")],
    clock: clock(),
    note: (t: string) => notes.push(t),
  };
  expect(await findCoordinator({ ...search, fingerprint: "ours" })).toBe("10.0.0.1:7001");
  expect(await findCoordinator({ ...search, fingerprint: null })).toBe("10.0.0.4:7004");
  expect(notes[0]).toBe("asks for _partita._tcp.local on eth0 (10.0.0.2)");
  for (const each of services) each.close();
  expect(lan.open).toBe(0);
});

test("a coordinator that listens at one address answers there only, with that address", () => {
  const lan = new Lan();
  const ways = [lan.at("10.0.0.1"), lan.at("192.168.0.1")];
  const heard = { address: "192.168.0.1:7000", fingerprint: "ours" };
  const service = announce(ways, heard, quiet);
  lan.say({ questions: ["_partita._tcp.local"], records: [] });
  expect(lan.said.map(({ data }) => JSON.stringify(data)).join()).toContain("192.168.0.1");
  expect(lan.said.map(({ data }) => JSON.stringify(data)).join()).not.toContain("10.0.0.1");
  service.close();
});

test("questions about other services are not answered", () => {
  const lan = new Lan();
  announce([lan.at("10.0.0.1")], { address: "0.0.0.0:7001", fingerprint: "ours" }, quiet);
  lan.say({ questions: ["_http._tcp.local"], records: [] });
  expect(lan.said).toEqual([]);
});

test("asks again when a question was lost", async () => {
  const lan = new Lan(2);
  announce([lan.at("10.0.0.1")], { address: "0.0.0.0:7001", fingerprint: "ours" }, quiet);
  const time = clock();
  const finding = findCoordinator({
    interfaces: [lan.at("10.0.0.2")],
    fingerprint: "ours",
    clock: time,
    note: quiet,
  });
  await time.advance(seconds(2));
  expect(await finding).toBe("10.0.0.1:7001");
  expect(lan.questions).toBe(3);
});

test("when nobody answers it says where it asked, what went wrong and what to give instead", async () => {
  const lan = new Lan();
  const problems: string[] = [];
  announce(
    [lan.at("10.0.0.3", "no route")],
    { address: "0.0.0.0:7003", fingerprint: "other" },
    (text) => problems.push(text),
  );
  const time = clock();
  const finding = findCoordinator({
    interfaces: [lan.at("10.0.0.2", "port 5353 is taken")],
    fingerprint: "ours",
    clock: time,
    note: quiet,
  });
  const outcome = expect(finding).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringMatching(
      /eth0 \(10\.0\.0\.2\) within 3 s.*10\.0\.0\.3:7003.*port 5353 is taken.*--join HOST:PORT/s,
    ),
  });
  await time.advance(seconds(3));
  await outcome;
  expect(problems).toEqual(["cannot be found through eth0 (10.0.0.3): no route"]);
});

test("answers that say only half, or something else, are passed over", async () => {
  const lan = new Lan();
  const time = clock();
  const finding = findCoordinator({
    interfaces: [lan.at("10.0.0.2")],
    fingerprint: "ours",
    clock: time,
    note: quiet,
  });
  const outcome = expect(finding).rejects.toMatchObject({ details: { others: [] } });
  const name = "x._partita._tcp.local";
  const pointer = { name: "_partita._tcp.local", type: "PTR", ttl: 1, data: name } as const;
  const server = { name, type: "SRV", ttl: 1, data: { port: 1, target: "x.local" } } as const;
  const text: MulticastRecord = { name, type: "TXT", ttl: 1, data: ["fingerprint=ours"] };
  for (const records of [[], [pointer], [server, text], [pointer, server, text], [text, pointer]]) {
    lan.say({ questions: [], records });
  }
  await time.advance(seconds(3));
  await outcome;
});
