import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { freePort, startNatsServer } from "../../test/fixtures/nats-server.ts";
import { quietTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { CodedError } from "../base/errors.ts";
import { type Member, sayPresent } from "../nats/membership.ts";
import { type NatsCluster, openNats } from "./nats-option.ts";
import { type Led, takeTurns } from "./nats-turns.ts";
import { openGround } from "./service.ts";

const member = (id: string): Member => ({
  id,
  role: "coordinator",
  name: id,
  addresses: [`${id}:7000`],
});

/** Takes turns on a NATS server of its own, and notes what becomes of what it leads. */
async function setUp() {
  const server = await startNatsServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const terminal = quietTerminal();
  const ground = await openGround({
    listen: `127.0.0.1:${await freePort()}`,
    tls: undefined,
    token: "open-sesame",
    folder: temporaryFolder(),
    forget: [],
    terminal,
  });
  onTestFinished(() => ground[Symbol.asyncDispose]());
  const open = async (cluster: string): Promise<NatsCluster> => {
    const nats = await openNats(`${server.url}/${cluster}`, terminal);
    onTestFinished(() => nats[Symbol.asyncDispose]());
    return nats;
  };
  const never = new Promise<never>(() => undefined);
  /** @param last the turn in which it is told to end @param failed what is led */
  const stepsOf = async (nats: NatsCluster, last = 1, failed: Led["failed"] = never) => {
    const stop = new AbortController();
    const steps: string[] = [];
    let turns = 0;
    await takeTurns(ground, {
      nats,
      model: "mesh",
      command: "serve",
      forget: [],
      start: async () => {
        turns++;
        if (turns === last) stop.abort();
        return {
          address: ground.listen,
          ready: () => never,
          ended: never,
          failed,
          forget: async () => false,
          drain: async () => void steps.push("drain"),
          abandon: async () => void steps.push("abandon"),
          end: async () => void steps.push("end"),
        };
      },
      onStandby: () => undefined,
      onDeposed: ({ message }) => void steps.push(message),
      signal: stop.signal,
    });
    return steps;
  };
  /** Another process that stands by, until the test has ended. */
  const standBy = ({ engine, signal }: NatsCluster): void =>
    void sayPresent(engine, () => member("other"), signal);
  return { open, stepsOf, standBy };
}

test("who is told to end hands over at once; who is the last answers before the cluster ends", async () => {
  const { open, stepsOf, standBy } = await setUp();
  const taken = await open("taken");
  // It was killed, and led until then.
  await taken.engine.members.put("dead", JSON.stringify(member("dead")));
  const pair = await open("pair");
  standBy(pair);
  expect(await stepsOf(pair)).toEqual(["abandon"]);
  expect(await stepsOf(await open("lone"))).toEqual(["drain", "end"]);
  expect(await stepsOf(taken)).toEqual(["drain", "end"]);
});

test("who cannot run what it leads hands over to one that stands by, once", async () => {
  const { open, stepsOf, standBy } = await setUp();
  const failed = Promise.resolve(new CodedError("RUNTIME_FAILED", "it does not load"));
  const pair = await open("pair");
  standBy(pair);
  const yielded = expect.stringMatching(/to one that stands by: it does not load/);
  expect(await stepsOf(pair, 2, failed)).toEqual(["abandon", yielded, "abandon"]);
});
