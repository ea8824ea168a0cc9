import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readNpz, writeNpz } from "../../src/cli/tensors/npz.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { topologyText, Workbench } from "./partita.ts";

const bench = new Workbench();
const devices = ["camera", "gateway", "cloud"];
const stateFolder = "coordinator";
/** A machine that is busy with something else must not make its agents look dead. */
const patience = ["--heartbeat", "1 s"];
const planning = ["--no-adapt", "--profile", "model.profile.json", "--objective", "throughput"];

/** A process that stays, and what it has said so far. */
class Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  #isOver = false;

  constructor(...words: string[]) {
    this.child = bench.start(...words);
    const reading = [this.child.stdout, this.child.stderr].map((stream) => this.#read(stream));
    this.exited = new Promise((resolve) => {
      this.child.once("close", async (code) => {
        await Promise.all(reading);
        this.#isOver = true;
        this.#wake();
        resolve(code);
      });
    });
    everything.push(this);
  }

  /** Resolves when it has said something, perhaps long ago. */
  async says(what: RegExp): Promise<string> {
    for (;;) {
      const line = this.#lines.find((said) => what.test(said));
      if (line !== undefined) return line;
      if (this.#isOver) throw new Error(`never said ${what}, but:\n${this.#lines.join("\n")}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  async #read(stream: Readable | null): Promise<void> {
    if (stream === null) return;
    for await (const line of createInterface({ input: stream })) {
      this.#lines.push(line);
      this.#wake();
    }
  }

  #wake(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

const everything: Running[] = [];

/** The commands that the README gives for several machines, by name, in words. */
function commandsOfReadme(): Record<string, string[]> {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const section = readme.split("\n## Run it on your machines\n")[1] ?? "";
  const lines = /```sh\n(.*?)```/s.exec(section)?.[1]?.trim().split("\n") ?? [];
  return Object.fromEntries(
    lines.map((line) => {
      const [npx, partita, ...words] = line.replace(/\s+#.*$/, "").split(/\s+/);
      expect([npx, partita]).toEqual(["npx", "partita"]);
      return [words[0], words];
    }),
  );
}

const readme = commandsOfReadme();

/** A command of the README with this cluster's address and token, and more options. */
function words(command: string, ...more: string[]): string[] {
  const given = readme[command];
  if (given === undefined) throw new Error(`the README has no command '${command}'`);
  const here = given.map((word) => {
    if (word === "TOKEN") return token;
    if (word === "0.0.0.0:7000") return address;
    return word === "192.168.1.10:7000" ? address : word;
  });
  return [...here, ...more];
}

let address = "127.0.0.1:0";
let token = "";
let coordinator: Running;
const agents = new Map<string, Running>();

/** Starts it, always with the same words, and waits until it listens. */
async function startCoordinator(...more: string[]): Promise<Running> {
  const own = ["--tls", "--http", "127.0.0.1:0", "--state", stateFolder];
  const running = new Running(...words("coordinator", ...own, ...patience, ...planning, ...more));
  const line = await running.says(/partita agent --join/);
  const found = /--join (\S+) --name \S+ --token (\S+)/.exec(line);
  [address, token] = [found?.[1] ?? "", found?.[2] ?? ""];
  await running.says(/^Ctrl-C/);
  return running;
}

function startAgent(device: string, ...more: string[]): Running {
  const listen = `127.0.0.${2 + devices.indexOf(device)}:0`;
  const given = words("agent", "--listen", listen, "--log", `${device}.log`, ...more);
  return new Running(...given.map((word) => (word === "camera" ? device : word)));
}

async function ask(): Promise<unknown> {
  const { code, errors } = await bench.run(
    ...words("run", "-o", "answers.npz", "--log", "run.log"),
  );
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  return readNpz(new Uint8Array(readFileSync(bench.path("answers.npz"))), "answers.npz");
}

beforeAll(async () => {
  bench.write("home.yaml", topologyText);
  await writeSqueezenet(bench, "model");
  const values = Float32Array.from({ length: 3 * 32 * 32 }, (_, at) => Math.sin(at));
  const data = new Uint8Array(values.buffer);
  bench.write(
    "input.npz",
    writeNpz({ input: { dataType: "float32", shape: [1, 3, 32, 32], data } }),
  );
  coordinator = await startCoordinator();
  for (const device of devices) agents.set(device, startAgent(device));
  await coordinator.says(/generation \d+ serves/);
});

afterAll(async () => {
  await Promise.all(everything.map((running) => running.kill()));
  bench.remove();
});

test("three commands on three machines answer as one machine does, with TLS", async () => {
  expect(token).toMatch(/^[\w-]+\.[\w-]{43}$/);
  const answers = await ask();
  const alone = ["--planner", "single", "--full-speed", "--profile", "model.profile.json"];
  const one = await bench.run(
    ...["run", "home.yaml", "model.onnx", "input.npz", ...alone, "-o", "one.npz"],
  );
  expect(one).toMatchObject({ code: 0, errors: "" });
  expect(answers).toEqual(readNpz(new Uint8Array(readFileSync(bench.path("one.npz"))), "one.npz"));
});

test("status says the same in the terminal, as JSON and over HTTP", async () => {
  const shown = await bench.call("status", "--to", address, "--token", token, "--once", "--json");
  const status = JSON.parse(shown.output);
  expect(status).toMatchObject({ phase: "serving", emulated: false });
  expect(status.devices.map(({ state }: { state: string }) => state)).not.toContain("away");
  const curl = await coordinator.says(/curl/);
  const [, secret, url] = /Bearer (\S+)" (\S+)/.exec(curl) ?? [];
  const served = await fetch(url ?? "", { headers: { authorization: `Bearer ${secret}` } });
  expect(await served.json()).toMatchObject({ phase: "serving", devices: [{}, {}, {}] });
  expect((await fetch(url ?? "")).status).toBe(401);
});

test("another token is refused, and one of another cluster does not even show its secret", async () => {
  const [secret, fingerprint = ""] = token.split(".");
  const wrong = ["agent", "--join", address, "--name", "cloud", "--token"];
  const stranger = await bench.call(...wrong, `wrong.${fingerprint}`);
  expect(stranger).toMatchObject({
    code: 77,
    errors: expect.stringMatching(/^error TOKEN_REFUSED/),
  });
  const other = `${secret}.${"A".repeat(43)}`;
  const client = await bench.call("run", "--to", address, "--token", other, "input.npz");
  expect(client.errors).toMatch(/^error IDENTITY_REFUSED/);
});

test("a name that is taken is refused with both addresses, one that is unknown with all names", async () => {
  const join = ["agent", "--join", address, "--token", token, "--name"];
  const taken = await bench.call(...join, "cloud");
  expect(taken.errors).toMatch(
    /^error USAGE_INVALID: .*'cloud'.*127\.0\.0\.4:\d+.*127\.0\.0\.1:\d+/,
  );
  const unknown = await bench.call(...join, "attic");
  expect(unknown.errors).toMatch(/^error USAGE_INVALID: .*camera, gateway, cloud.*--name/);
});

test("a second coordinator is refused, of the same state as of the same port", async () => {
  const second = words("coordinator", "--tls", ...planning);
  const sameState = await bench.call(...second, "--state", stateFolder);
  expect(sameState).toMatchObject({ code: 64, errors: expect.stringContaining("--state") });
  const samePort = await bench.call(...second, "--state", "another");
  expect(samePort.errors).toMatch(/^error PORT_IN_USE: .*127\.0\.0\.1:\d+/);
});

test("one number leads a request from who asked it through the logs of all devices", () => {
  const entriesOf = (log: string) =>
    readFileSync(bench.path(log), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const [answer] = entriesOf("run.log");
  expect(answer).toMatchObject({ process: "run", event: "answer", input: "input.npz" });
  const entries = devices.flatMap((device) => entriesOf(`${device}.log`));
  const told = entries
    .filter(({ request }) => request === answer.request)
    .map(({ process, event }) => `${process}: ${event}`);
  const atSource = ["asked", "begun", "answered"].map((event) => `agent camera: ${event}`);
  expect(new Set(told)).toEqual(
    new Set([...devices.map((device) => `agent ${device}: report`), ...atSource]),
  );
  expect(entries.every(({ time }) => new Date(time).toISOString() === time)).toBe(true);
});

test("a coordinator that is killed and started again finds its devices, with the same token", async () => {
  const before = token;
  const answers = await ask();
  await coordinator.kill();
  coordinator = await startCoordinator();
  expect(token).toBe(before);
  await coordinator.says(/generation \d+ serves/);
  expect(await ask()).toEqual(answers);
  const stayed = [...agents.values()].map(({ child }) => child.exitCode);
  expect(stayed).toEqual([null, null, null]);
});

test("another key under a known name is refused until it is forgotten", async () => {
  const follower = new Running("status", "--to", address, "--token", token, "--follow", "--json");
  await follower.says(/^follows model/);
  await agents.get("cloud")?.kill();
  expect(JSON.parse(await follower.says(/"left"/))).toMatchObject({ device: "cloud" });
  await coordinator.says(/cloud is lost/);
  const impostor = await bench.call(
    ...["agent", "--join", address, "--token", token, "--name", "cloud", "--state", "other"],
  );
  expect(impostor.errors).toMatch(/^error IDENTITY_REFUSED: .*127\.0\.0\.4:\d+.*--forget cloud/);
  await coordinator.kill();
  coordinator = await startCoordinator("--forget", "cloud");
  const replacement = startAgent("cloud", "--state", "other");
  await replacement.says(/^cloud: joined/);
  await coordinator.says(/cloud joined from 127\.0\.0\.4/);
});

test("Ctrl-C at the coordinator ends it everywhere, in order", async () => {
  // Whoever is away in that moment is not told, and waits for the next coordinator.
  for (const device of devices) await coordinator.says(new RegExp(`${device} joined`));
  coordinator.child.kill("SIGINT");
  expect(await coordinator.exited).toBe(130);
  for (const device of ["camera", "gateway"]) {
    expect(await agents.get(device)?.exited).toBe(0);
  }
});

test("without a topology the devices are measured first; this machine can be one of them", async () => {
  // Agents dial it twice, so that the port must be its own: below those that are given out.
  address = `127.0.0.9:${20_000 + (process.pid % 10_000)}`;
  const listen = ["--listen", address, "--profile", "model.profile.json"];
  const two = ["--devices", "camera,cloud", "--as", "cloud", "--state", "measured"];
  coordinator = new Running("coordinator", "model.onnx", ...two, ...listen);
  const line = await coordinator.says(/partita agent --join/);
  token = /--token (\S+)/.exec(line)?.[1] ?? "";
  const camera = startAgent("camera");
  await coordinator.says(/cloud → camera: .*round trip/);
  await coordinator.says(/generation \d+ serves/);
  await ask();
  const written = readFileSync(bench.path("measured/measured.topology.yaml"), "utf8");
  expect(readTopology(written).devices.map(({ name }) => name)).toEqual(["camera", "cloud"]);
  coordinator.child.kill("SIGINT");
  expect([await coordinator.exited, await camera.exited]).toEqual([130, 0]);
});
