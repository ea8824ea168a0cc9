import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { isCoded } from "../../src/base/errors.ts";
import { seconds } from "../../src/base/units.ts";
import type { Client } from "../../src/cluster/client.ts";
import { sha256Hex } from "../../src/cluster/secret.ts";
import { bucketKeys } from "../../src/nats/bucket-keys.ts";
import { connectNats } from "../../src/nats/connection.node.ts";
import { connectDurably, type DurableClientOptions } from "../../src/nats/durable-client.ts";
import { openEngine } from "../../src/nats/engine.ts";
import { parseNatsUrl } from "../../src/nats/nats-url.ts";
import { freePort, type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { ended, Workbench } from "./partita.ts";

const bench = new Workbench();
const token = "open-sesame";
const topology = "pair.topology.yaml";
const topologyText = `
format: partita.topology/1
devices:
  - { name: camera, tier: device, speed: 0.02 }
  - { name: cloud,  tier: cloud,  speed: 0.1 }
links:
  - { between: [camera, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
`;
let server: NatsServer;
let clusters = 0;

beforeAll(async () => {
  server = await startNatsServer();
  bench.write(topology, topologyText);
  await writeSqueezenet(bench, "model");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  bench.remove();
});

/** What is promised; it takes about two, and more where the machine is busy. */
const takeoverSeconds = 3;

type Said = Readonly<Record<string, unknown>> & { readonly type: string };

/** A process that runs until the test has ended, and what it says, line by line. */
class Member {
  readonly child: ChildProcess;
  readonly end: ReturnType<typeof ended>;
  readonly #said: Said[] = [];
  #wake: () => void = () => undefined;

  constructor(...words: string[]) {
    this.child = bench.start(...words);
    const lines = createInterface({
      input: this.child.stdout as NonNullable<ChildProcess["stdout"]>,
    });
    lines.on("line", (line) => {
      this.#said.push(JSON.parse(line));
      this.#wake();
    });
    this.end = ended(this.child);
    onTestFinished(async () => {
      this.child.kill("SIGKILL");
      await this.end;
    });
  }

  /** Resolves when it has said so many things of a kind. */
  async hears(type: string, count = 1): Promise<void> {
    while (this.#said.filter((said) => said.type === type).length < count) {
      const news = new Promise<"news">((resolve) => {
        this.#wake = () => resolve("news");
      });
      const end = await Promise.race([news, this.end]);
      if (end !== "news") throw new Error(`it ended without '${type}': ${end.errors}`);
    }
  }
}

async function startCoordinator(url: string, state: string): Promise<Member> {
  const words = [topology, "model.onnx", "--profile", "model.profile.json", "--planner", "exact"];
  const listen = `127.0.0.1:${await freePort()}`;
  const own = ["--listen", listen, "--nats", url, "--state", state, "--token", token, "--json"];
  return new Member("coordinator", ...words, "--objective", "throughput", ...own);
}

function startAgents(url: string): Member[] {
  return ["camera", "cloud"].map(
    (name) =>
      new Member("agent", "--nats", url, "--name", name, "--token", token, "--local", "--quiet"),
  );
}

/** Looks at the cluster from here. */
async function look(url: string) {
  const place = parseNatsUrl(url);
  const connection = await connectNats(place, {});
  onTestFinished(() => connection.close());
  return await openEngine(connection, place, systemClock);
}

function clusterUrl(): string {
  clusters++;
  return `${server.url}/e2e-${clusters}`;
}

/** A model is announced a moment after it is served. */
async function connectSoon(options: DurableClientOptions): Promise<Client> {
  for (;;) {
    try {
      return await connectDurably(options);
    } catch (error) {
      if (!isCoded(error) || error.code !== "MODEL_NOT_READY") throw error;
      await systemClock.sleep(seconds(0.05));
    }
  }
}

/** Counts what becomes of each key of answers. */
async function countAnswers(engine: Awaited<ReturnType<typeof look>>) {
  const puts = new Map<string, number>();
  const watched = await engine.answers.watch();
  onTestFinished(() => watched.stop());
  void (async () => {
    for await (const { key, operation } of watched) {
      if (operation === "PUT") puts.set(key, (puts.get(key) ?? 0) + 1);
    }
  })();
  return puts;
}

test("goes on under another coordinator when the one that leads is killed: nothing is lost, nothing answered twice", async () => {
  const url = clusterUrl();
  const first = await startCoordinator(url, "one");
  await first.hears("leading");
  const second = await startCoordinator(url, "two");
  startAgents(url);
  await Promise.all([second.hears("standby"), first.hears("serving")]);
  const engine = await look(url);
  const puts = await countAnswers(engine);
  let made = 0;
  const asking = await connectSoon({ engine, newId: () => `request-${++made}` });
  onTestFinished(() => asking.close());
  const [input] = asking.inputs;
  const data = new Uint8Array(4 * 3 * 32 * 32).map((_, at) => (at % 4 === 3 ? 60 : at % 7));
  const inputs = { [input?.name ?? ""]: { dataType: "float32", shape: [1, 3, 32, 32], data } };
  const expected = (await asking.infer(inputs)).outputs;
  let isOver = false;
  let answered = 1;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      expect((await asking.infer(inputs)).outputs).toEqual(expected);
      answered++;
    }
  };
  const load = Promise.all([1, 2, 3, 4].map(ask));
  while (answered < 10) await systemClock.sleep(seconds(0.01));
  const killedAt = systemClock.now();
  first.child.kill("SIGKILL");
  await second.hears("leading");
  await second.hears("joined", 2);
  expect(systemClock.now() - killedAt).toBeLessThan(takeoverSeconds);
  const then = answered;
  while (answered < then + 10) await systemClock.sleep(seconds(0.01));
  isOver = true;
  await load;
  expect(answered).toBe(made);
  expect([...puts.values()].filter((count) => count > 1)).toEqual([]);
  const guess = sha256Hex(new TextEncoder().encode(token));
  for (const key of await bucketKeys(engine.manager, engine.names.state)) {
    expect((await engine.state.get(key))?.string()).not.toContain(guess);
  }
}, 60_000);

test("hands the cluster over when it is told to end, and ends it when nobody stands by", async () => {
  const url = clusterUrl();
  const first = await startCoordinator(url, "three");
  await first.hears("leading");
  const second = await startCoordinator(url, "four");
  const agents = startAgents(url);
  await Promise.all([second.hears("standby"), first.hears("serving")]);
  first.child.kill("SIGTERM");
  await second.hears("leading");
  expect(await first.end).toMatchObject({ code: 143, errors: "" });
  await second.hears("joined", 2);
  const { code, output, errors } = await bench.run("run", "--nats", url, "--seeds", "2", "--json");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(JSON.parse(output).requests).toHaveLength(2);
  const shown = await bench.call("status", "--nats", url, "--token", token, "--once");
  expect(shown.code).toBe(0);
  expect(shown.errors).toMatch(/: leads, /);
  expect(shown.errors).toMatch(/camera: agent, .*\ncloud: agent, /);
  expect((await (await look(url)).parts.list()).length).toBeGreaterThan(2);
  second.child.kill("SIGTERM");
  expect((await second.end).code).toBe(143);
  for (const agent of agents) expect((await agent.end).code).toBe(0);
}, 60_000);
