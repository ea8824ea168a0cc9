/**
 * How long it takes until another coordinator leads when the one that leads is killed with SIGKILL
 * under load, again and again: `npm run bench -- nats`, with `NATS_TIMES` for how often (default 5).
 * Needs `nats-server`: that of the tests, that of `NATS_SERVER`, or one in the path.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { systemClock } from "../dist/base/clock.node.js";
import { isCoded } from "../dist/base/errors.js";
import { seconds } from "../dist/base/units.js";
import type { Client } from "../dist/cluster/client.js";
import { connectNats } from "../dist/nats/connection.node.js";
import { connectDurably } from "../dist/nats/durable-client.js";
import { type Engine, openEngine } from "../dist/nats/engine.js";
import { parseNatsUrl } from "../dist/nats/nats-url.js";
import { sampleInputs } from "../dist/runtime/sample-inputs.js";
import { keepResults } from "./keep-results.js";

const times = Number(process.env["NATS_TIMES"] ?? 5);
const atOnce = 4;
const firstPort = 17400;
const token = "open-sesame";
const topology = `
format: partita.topology/1
devices:
  - { name: camera, tier: device, speed: 0.05 }
  - { name: cloud,  tier: cloud,  speed: 0.2 }
links:
  - { between: [camera, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
`;
const partita = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "partita-bench-nats-"));
const children: ChildProcess[] = [];
const url = `nats://127.0.0.1:${firstPort}/bench`;

/** A process that is killed at the end, and how often it has said things of each type. */
class Process {
  readonly child: ChildProcess;
  readonly #said = new Map<string, number>();

  constructor(program: string, ...words: string[]) {
    this.child = spawn(program, words, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    children.push(this.child);
    if (this.child.stdout === null) return;
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const { type } = JSON.parse(line);
      this.#said.set(type, (this.#said.get(type) ?? 0) + 1);
    });
  }

  async says(type: string, count = 1): Promise<void> {
    while ((this.#said.get(type) ?? 0) < count) {
      if (this.child.exitCode !== null) throw new Error(`it ended, without '${type}'`);
      await systemClock.sleep(seconds(0.002));
    }
  }
}

async function measure(): Promise<void> {
  startServer();
  writeFileSync(join(folder, "pair.topology.yaml"), topology);
  run("zoo", "squeezenet", "--resolution", "64", "--width", "0.25", "-o", "model.onnx");
  run("profile", "model.onnx", "-o", "model.profile.json");
  let leading = startCoordinator(0);
  await leading.says("leading");
  for (const name of ["camera", "cloud"]) {
    const words = ["agent", "--nats", url, "--name", name, "--token", token, "--local", "--quiet"];
    new Process(process.execPath, partita, ...words);
  }
  await leading.says("serving");
  const place = parseNatsUrl(url);
  const connection = await connectNats(place, {});
  const engine = await openEngine(connection, place, systemClock);
  const load = new Load(await connect(engine));
  const trials: Trial[] = [];
  for (let time = 1; time <= times; time++) {
    const standing = startCoordinator(time);
    await standing.says("standby");
    const before = load.answered;
    while (load.answered < before + 20) await systemClock.sleep(seconds(0.01));
    trials.push(await kill(leading, standing, load));
    console.log(trials.at(-1));
    leading = standing;
  }
  const { asked, answered, wrong } = await load.end();
  console.log({ asked, answered, wrong });
  keepResults("nats", { atOnce, trials, asked, answered, wrong });
  await connection.close();
}

interface Trial {
  /** From the kill on, in seconds. */
  readonly leadsAfter: number;
  readonly agentsJoinedAfter: number;
  readonly answersAfter: number;
}

async function kill(leading: Process, standing: Process, load: Load): Promise<Trial> {
  const killedAt = systemClock.now();
  const since = (): number => Number((systemClock.now() - killedAt).toFixed(3));
  leading.child.kill("SIGKILL");
  await standing.says("leading");
  const leadsAfter = since();
  // What is answered from here on was taken by the new one.
  const before = load.answered;
  await standing.says("joined", 2);
  const agentsJoinedAfter = since();
  while (load.answered === before) await systemClock.sleep(seconds(0.002));
  return { leadsAfter, agentsJoinedAfter, answersAfter: since() };
}

/** Asks the same again and again, so many at once, and compares. */
class Load {
  asked = 0;
  answered = 0;
  wrong = 0;
  readonly #client: Client;
  readonly #running: Promise<unknown>;
  #isOver = false;
  #expected: string | null = null;

  constructor(client: Client) {
    this.#client = client;
    this.#running = Promise.all(Array.from({ length: atOnce }, () => this.#ask()));
  }

  async end() {
    this.#isOver = true;
    await this.#running;
    const { asked, answered, wrong } = this;
    return { asked, answered, wrong };
  }

  async #ask(): Promise<void> {
    const inputs = sampleInputs(this.#client.inputs, 1);
    while (!this.#isOver) {
      this.asked++;
      const { outputs } = await this.#client.infer(inputs);
      const found = Object.values(outputs)
        .map(({ data }) => Buffer.from(data).toString("base64"))
        .join();
      this.#expected ??= found;
      if (found !== this.#expected) this.wrong++;
      this.answered++;
    }
  }
}

async function connect(engine: Engine): Promise<Client> {
  let made = 0;
  for (;;) {
    try {
      return await connectDurably({ engine, newId: () => `bench-${++made}` });
    } catch (error) {
      if (!isCoded(error) || error.code !== "MODEL_NOT_READY") throw error;
      await systemClock.sleep(seconds(0.05));
    }
  }
}

function startCoordinator(number: number): Process {
  const own = ["--listen", `127.0.0.1:${firstPort + 1 + number}`, "--state", `state-${number}`];
  const what = ["pair.topology.yaml", "model.onnx", "--profile", "model.profile.json"];
  const words = ["coordinator", ...what, ...own, "--nats", url, "--token", token, "--json"];
  return new Process(process.execPath, partita, ...words);
}

function startServer(): void {
  const kept = fileURLToPath(
    new URL("../.debian/nats-server/usr/sbin/nats-server", import.meta.url),
  );
  const program = process.env["NATS_SERVER"] ?? (existsSync(kept) ? kept : "nats-server");
  const words = ["-a", "127.0.0.1", "-p", `${firstPort}`, "-js", "-sd", folder];
  const child = spawn(program, words, { stdio: "ignore" });
  children.push(child);
  child.once("error", () => {
    console.error("left out: there is no nats-server; `npx vitest run test/nats.test.ts` gets one");
    process.exit(69);
  });
}

function run(...words: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [partita, ...words], { cwd: folder });
  if (status !== 0) throw new Error(`partita ${words.join(" ")}: ${stderr}`);
}

try {
  await measure();
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
