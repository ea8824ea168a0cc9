import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { freePort, startNatsServer } from "../../test/fixtures/nats-server.ts";
import { quietTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { CodedError } from "../base/errors.ts";
import { formatJournal } from "../cluster/journal.ts";
import { forgetOnce } from "./nats-coordinator.ts";
import { openNats } from "./nats-option.ts";
import { takeTurns } from "./nats-turns.ts";
import { openGround } from "./service.ts";

test("who is told to end hands over at once; who is the last answers before the cluster ends", async () => {
  await using server = await startNatsServer();
  const terminal = quietTerminal();
  await using ground = await openGround({
    listen: `127.0.0.1:${await freePort()}`,
    tls: undefined,
    token: "open-sesame",
    folder: temporaryFolder(),
    forget: [],
    terminal,
  });
  const stepsOf = async (cluster: string, others: readonly string[]): Promise<string[]> => {
    await using nats = await openNats(`${server.url}/${cluster}`, terminal);
    for (const id of others) {
      const member = { id, role: "coordinator", name: id, addresses: [`${id}:7000`] };
      await nats.engine.members.put(id, JSON.stringify(member));
    }
    const stop = new AbortController();
    const steps: string[] = [];
    const never = new Promise<never>(() => undefined);
    await takeTurns(ground, {
      nats,
      model: "mesh",
      command: "serve",
      start: async () => {
        stop.abort();
        return {
          address: ground.listen,
          ready: () => never,
          ended: never,
          drain: async () => void steps.push("drain"),
          abandon: async () => void steps.push("abandon"),
          end: async () => void steps.push("end"),
        };
      },
      onStandby: () => undefined,
      onDeposed: () => undefined,
      signal: stop.signal,
    });
    return steps;
  };
  expect(await stepsOf("pair", ["other"])).toEqual(["abandon"]);
  expect(await stepsOf("lone", [])).toEqual(["drain", "end"]);
});

test("a device that could not be forgotten in one turn is in the next, and none is twice", async () => {
  const key = (keyFingerprint: string) => ({ keyFingerprint, address: "10.0.0.2:7001" });
  let kept = formatJournal({
    format: "partita.journal/2",
    graphSha256: "",
    tokenMark: "",
    lastGeneration: 0,
    started: false,
    generations: [],
    devices: { camera: key("c"), cloud: key("d"), gateway: key("e") },
  });
  const away = new CodedError("ENGINE_UNAVAILABLE", "away");
  const outcomes = [null, away];
  const journal = {
    load: async () => kept,
    save: async (text: string) => {
      const failure = outcomes.shift();
      if (failure instanceof CodedError) throw failure;
      kept = text;
    },
  };
  const devices = ["camera", "cloud"];
  await expect(forgetOnce(journal, devices)).rejects.toBe(away);
  expect(devices).toEqual(["cloud"]);
  await forgetOnce(journal, devices);
  expect(Object.keys(JSON.parse(kept).devices)).toEqual(["gateway"]);
  expect(devices).toEqual([]);
});
