import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readNpz, writeNpz } from "../../src/cli/tensors/npz.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import { writeSqueezenet } from "./equal-profile.ts";
import { type Ended, ended, topologyText, Workbench } from "./partita.ts";

const bench = new Workbench();
const model = "model.onnx";
const profile = "model.profile.json";
const plan = "model.plan.json";
const topology = "home.topology.yaml";

/** Inputs that do not fit, by the error that says so. */
const misfits = {
  TENSOR_SHAPE_MISMATCH: {
    dataType: "float32",
    shape: [0, 3, 32, 32],
    data: new Uint8Array(0),
  },
  TENSOR_TYPE_MISMATCH: {
    dataType: "float64",
    shape: [1, 3, 32, 32],
    data: new Uint8Array(8 * 3 * 32 * 32),
  },
} as const;

interface Running {
  readonly child: ChildProcess;
  readonly address: string;
  readonly token: string;
  readonly end: Promise<Ended>;
}

beforeAll(async () => {
  bench.write(topology, topologyText);
  await writeSqueezenet(bench, "model");
  const words = ["-t", topology, "--objective", "throughput", "-o", plan];
  expect(await bench.call("plan", profile, ...words)).toMatchObject({ code: 0, errors: "" });
  const single = ["--profile", profile, "--planner", "single", "--full-speed"];
  const whole = ["run", topology, model, ...single, "--seeds", "2", "-o", "whole.npz"];
  expect(await bench.run(...whole)).toMatchObject({ code: 0, errors: "" });
});

afterAll(() => bench.remove());

function answersOf(file: string) {
  return readNpz(new Uint8Array(readFileSync(bench.path(file))), file);
}

/** Starts `up` and waits until it serves. */
async function up(...choices: string[]): Promise<Running> {
  const words = choices.length > 0 ? choices : ["--plan", plan];
  const child = bench.start("up", topology, model, ...words, "--full-speed", "--json");
  const end = ended(child);
  if (child.stdout === null) throw new Error("no standard output");
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    void end.then(({ errors }) => reject(new Error(`it ended, and said: ${errors}`)));
  });
  return { child, end, ...JSON.parse(line) };
}

/** Process ids of the agents that one process has started. */
function agentsOf({ child }: Running): number[] {
  const listed = execFileSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], {
    encoding: "utf8",
  });
  return listed.trim().split(/\s+/).map(Number);
}

/** The process group, which a terminal interrupts as a whole. */
function groupOf(pid: number): number {
  return Number(execFileSync("ps", ["-o", "pgid=", "-p", String(pid)], { encoding: "utf8" }));
}

/** Resolves when none of the processes is left. */
async function gone(pids: readonly number[]): Promise<void> {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (pids.some(isAlive)) await new Promise((resolve) => setImmediate(resolve));
}

describe("a cluster that is up", () => {
  let running: Running;
  let agents: readonly number[];
  let words: readonly string[];

  beforeAll(async () => {
    running = await up();
    agents = agentsOf(running);
    words = ["run", "--to", running.address, "--token", running.token];
  });

  test("serves requests of clients over three processes, with the answers of one", async () => {
    expect(agents).toHaveLength(3);
    const { code, output } = await bench.run(...words, "--seeds", "2", "-o", "three.npz", "--json");
    expect(code).toBe(0);
    const { requests } = JSON.parse(output);
    expect(requests).toHaveLength(2);
    expect(requests[0].timings.stages).toHaveLength(3);
    expect(answersOf("three.npz")).toEqual(answersOf("whole.npz"));
  });

  test("an input file that does not fit is named, and requests of one name keep their answers", async () => {
    for (const [code, input] of Object.entries(misfits)) {
      bench.write("wrong.npz", writeNpz({ input }));
      const wrong = await bench.call(...words, "wrong.npz", "wrong.npz", "-o", "none.npz");
      const [early, error] = wrong.errors.split("\n");
      expect(early).toBe("ended early: 0 of 2 were answered; none.npz is not written");
      expect(error).toMatch(new RegExp(`^error ${code}: wrong\\.npz: `));
      expect(wrong.code).toBe(65);
    }
    const twice = await bench.call(...words, "--seeds", "1", "--repeat", "2", "-o", "twice.npz");
    expect(twice.code).toBe(0);
    const names = Object.keys(answersOf("twice.npz"));
    expect(names.map((name) => name.split("/")[0])).toEqual(["seed 1", "seed 1-2"]);
  });

  test("refuses a token that is not its own", async () => {
    const wrong = ["run", "--to", running.address, "--seeds", "1", "--token", "wrong"];
    const { code, errors } = await bench.call(...wrong);
    expect(errors).toMatch(/^error TOKEN_REFUSED/);
    expect(code).toBe(77);
  });

  test("Ctrl-C, which no agent gets itself, ends them all; then nobody is there to be asked", async () => {
    for (const pid of agents) expect(groupOf(pid)).toBe(pid);
    running.child.kill("SIGINT");
    expect(await running.end).toMatchObject({ code: 130, errors: "" });
    await gone(agents);
    const late = await bench.call(...words, "--seeds", "1");
    expect(late.errors).toMatch(/^error CHANNEL_CLOSED: /);
    expect(late.code).toBe(75);
  });
});

/** Starts `run` and resolves when its first answer is there. */
async function stream(
  running: Running,
  ...words: string[]
): Promise<{ readonly end: Promise<Ended> }> {
  const to = ["--to", running.address, "--token", running.token];
  const client = bench.start("run", ...to, ...words);
  const end = ended(client);
  if (client.stdout === null) throw new Error("no standard output");
  const answered = createInterface({ input: client.stdout });
  await new Promise<void>((resolve) => {
    answered.on("line", (line) => /^ +seed 1 /.test(line) && resolve());
    void end.then(() => resolve());
  });
  return { end };
}

test("answers every request with the same bits when an agent is killed while they stream", async () => {
  const running = await up("--profile", profile, "--objective", "throughput");
  const agents = agentsOf(running);
  const [, second = 0] = agents;
  const { end } = await stream(running, "--seeds", "2", "--repeat", "100", "-o", "killed.npz");
  process.kill(second, "SIGKILL");
  const { code, errors } = await end;
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const [killed, whole] = [answersOf("killed.npz"), answersOf("whole.npz")];
  expect(Object.keys(killed)).toHaveLength(200);
  for (const [name, value] of Object.entries(killed)) {
    expect(value).toEqual(whole[name.replace(/-\d+\//, "/")]);
  }
  // Whoever is killed leaves no agent behind.
  running.child.kill("SIGKILL");
  await running.end;
  await gone(agents);
});

test("tells whoever asks that the source was killed, and stays until it is told to end", async () => {
  const running = await up("--plan", plan);
  const agents = agentsOf(running);
  const { end } = await stream(running, "--seeds", "1", "--repeat", "1000000", "--patience", "0 s");
  process.kill(agents[0] ?? 0, "SIGKILL");
  const asked = await end;
  expect(asked.errors).toMatch(/^error DEVICE_LOST: /m);
  expect(asked.code).toBe(75);
  expect(running.child.exitCode).toBeNull();
  running.child.kill("SIGTERM");
  expect((await running.end).code).toBe(143);
  await gone(agents);
});

test("ends at once when it is interrupted while it starts, or waits for agents", async () => {
  for (const words of [["up"], ["coordinator", "--listen", "127.0.0.1:0"]]) {
    const child = bench.start(...words, topology, model, "--plan", plan);
    const end = ended(child);
    if (child.stdout === null) throw new Error("no standard output");
    await once(createInterface({ input: child.stdout }), "line");
    child.kill("SIGINT");
    expect((await end).code).toBe(130);
  }
});

test("says that a port is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : null;
  const words = ["up", topology, model, "--plan", plan, "--listen", `127.0.0.1:${port}`];
  const { code, errors } = await bench.call(...words);
  expect(errors).toMatch(/^error PORT_IN_USE: .*127\.0\.0\.1:\d+/);
  expect(code).toBe(69);
  server.close();
});

test("measures the links between agents that wait, and writes a topology with the date", async () => {
  const agents = [0, 1].map(() => bench.start("agent", "--listen", "127.0.0.1:0", "--token", "T"));
  const ends = agents.map(ended);
  const places = await Promise.all(
    agents.map(async ({ stderr }, position) => {
      if (stderr === null) throw new Error("no standard error");
      const [line] = await once(createInterface({ input: stderr }), "line");
      return `${["camera", "cloud"][position]}=${/127\.0\.0\.1:\d+/.exec(line)?.[0]}`;
    }),
  );
  const words = ["topology", "measure", ...places, "--time", "50 ms", "-o", "found.topology.yaml"];
  const { code, errors } = await bench.run(...words, "--token", "T");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const found = readFileSync(bench.path("found.topology.yaml"), "utf8");
  expect(found).toMatch(/^# Links measured by partita at \d{4}-\d\d-\d\dT/);
  const { links, source } = readTopology(found);
  expect(links.map(({ from, to }) => [from, to])).toEqual([
    ["camera", "cloud"],
    ["cloud", "camera"],
  ]);
  expect(source).toBe("camera");
  const wrong = await bench.call(...words, "--force", "--token", "wrong");
  expect(wrong.errors).toMatch(/^error TOKEN_REFUSED/);
  for (const agent of agents) agent.kill("SIGINT");
  expect((await Promise.all(ends)).map(({ code }) => code)).toEqual([130, 130]);
});
