/**
 * Live re-planning on the test bed: `npm run bench -- testbed-adapt`, as root. Real processes, TCP with
 * TLS, rates that follow a trace, parts of a core; every answer is compared with the whole model's.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import { formatQuantity, seconds } from "../dist/base/units.js";
import { prepareModel } from "../dist/cli/prepare.js";
import { secureClient } from "../dist/cli/security.js";
import { connectClient } from "../dist/cluster/client.js";
import { choiceOf, planOfChoice } from "../dist/control/adapter.js";
import { type Choice, type Choices, createChoices, wholeChoices } from "../dist/control/choices.js";
import { readProfile } from "../dist/cost/profile.js";
import { nominalState } from "../dist/cost/state.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { readTrace, statesOf, type Trace } from "../dist/cost/trace.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { problemAt } from "../dist/plan/problem-at.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import { createOnnxRuntime } from "../dist/runtime/onnxruntime.node.js";
import type { Runtime, Session, TensorValues } from "../dist/runtime/runtime.js";
import { comparePolicies, type PolicyFigures } from "../dist/sim/compare-policies.js";
import { buildZoo } from "../dist/zoo/zoo.js";
import type { Channel } from "./testbed/commands.js";
import { demandTestbed, type Running, Testbed } from "./testbed/testbed.js";

const level = "extended";
const network = "resnet18";
/** Percent of one core. */
const quotas = { camera: 8, gateway: 20, cloud: 60 } as const;
type Device = keyof typeof quotas;
const names = Object.keys(quotas) as Device[];
/** Where the coordinator and the program that asks are; no device. */
const desk = "desk";
const sliceSeconds = Number(process.env["SLICE"] ?? 40);
const warmUpSeconds = 8;
/** Behind the start, for weights that may be needed. */
const settleSeconds = 6;
const perSecond = 1;
const port = 7000;
/** What follows the trace. */
const link: readonly Channel[] = [
  { from: "camera", to: "gateway" },
  { from: "gateway", to: "camera" },
];
const here = fileURLToPath(import.meta.url);
const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** Median and mean of what was really measured, and what became of every request. */
interface Measured {
  readonly meanSeconds: number;
  readonly p99Seconds: number;
  readonly switches: number;
  readonly asked: number;
  readonly answered: number;
  readonly wrong: number;
}

interface Cell {
  readonly trace: string;
  readonly measured: Readonly<Record<string, Measured>>;
  readonly simulated: readonly PolicyFigures[];
}

if (process.argv[2] === "load") await ask(process.argv[3] ?? "", process.argv[4] ?? "");
else if (process.argv[2] === "calibrate") await calibrate();
else await measureAll();

async function wholeSession(): Promise<Session> {
  const { model } = await prepareModel(buildZoo(network), level, {});
  const runtime: Runtime = createOnnxRuntime();
  return await runtime.load(model, { threads: 1 });
}

/** Prints how long the whole model takes here. */
async function calibrate(): Promise<void> {
  const session = await wholeSession();
  console.log("loaded");
  await systemClock.sleep(seconds(4));
  const times: number[] = [];
  for (let run = 0; run < 12; run++) {
    const start = systemClock.now();
    await session.run(inputOf(run));
    times.push(systemClock.now() - start);
  }
  console.log(`took ${times.sort((a, b) => a - b)[6]}`);
}

function inputOf(request: number): TensorValues {
  const random = createRandom(request % 4);
  const values = Float32Array.from({ length: 3 * 224 * 224 }, () => random.next());
  const data = new Uint8Array(values.buffer);
  return { input: { dataType: "float32", shape: [1, 3, 224, 224], data } };
}

function digestOf(outputs: TensorValues): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(outputs).sort()) hash.update(outputs[name]?.data ?? "");
  return hash.digest("hex");
}

/** Asks steadily, one line for each answer. */
async function ask(address: string, token: string): Promise<void> {
  const session = await wholeSession();
  const expected: string[] = [];
  for (let one = 0; one < 4; one++)
    expected.push(digestOf((await session.run(inputOf(one))).outputs));
  const { transport, secret } = secureClient(token);
  const client = await connectClient({ transport, clock: systemClock, address, token: secret });
  await Promise.all([0, 1, 2].map((one) => client.infer(inputOf(one))));
  console.log("ready");
  await systemClock.sleep(seconds(settleSeconds));
  console.log("begun");
  const start = systemClock.now();
  const asked: Promise<void>[] = [];
  for (let request = 0; request < sliceSeconds * perSecond; request++) {
    const at = request / perSecond;
    const left = start + at - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left));
    const begun = systemClock.now();
    const one = client.infer(inputOf(request)).then(
      ({ outputs }) => {
        const isRight = digestOf(outputs) === expected[request % 4];
        console.log(JSON.stringify({ at, seconds: systemClock.now() - begun, isRight }));
      },
      (error: unknown) => console.log(JSON.stringify({ at, error: String(error) })),
    );
    asked.push(one);
  }
  await Promise.all(asked);
  console.log("done");
  await client.close();
  process.exit(0);
}

async function measureAll(): Promise<void> {
  demandTestbed();
  const folder = mkdtempSync(join(tmpdir(), "partita-testbed-"));
  const testbed = Testbed.up([...names, desk]);
  const cells: Cell[] = [];
  try {
    const speeds = await calibrateAll(testbed);
    for (const trace of (process.env["TRACES"] ?? "wifi-drop,5g,4g,3g").split(",")) {
      cells.push(await measure(testbed, trace, speeds, folder));
      report(cells, speeds);
    }
  } finally {
    await testbed.down();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Speeds against the profile, with the parts of a core that devices get. */
async function calibrateAll(testbed: Testbed): Promise<Record<Device, number>> {
  const { devices } = readProfile(profileText(), "profile");
  const [kind] = Object.values(devices);
  const whole = (kind?.nodeSeconds ?? []).reduce((sum: number, one) => sum + (one ?? 0), 0);
  const speeds: Partial<Record<Device, number>> = {};
  const running = names.map((name) => {
    testbed.quota(name, 100);
    return [name, testbed.exec(name, [process.execPath, here, "calibrate"])] as const;
  });
  for (const [name, process] of running) {
    await process.line(/^loaded/);
    testbed.quota(name, quotas[name]);
  }
  for (const [name, process] of running) {
    speeds[name] = whole / Number((await process.line(/^took/)).split(" ")[1]);
    await process.ended;
  }
  return speeds as Record<Device, number>;
}

function profileText(): string {
  return readFileSync(`bench/profiles/${network}.profile.json`, "utf8");
}

function topologyText(speeds: Readonly<Record<Device, number>>): string {
  return `
format: partita.topology/1
devices:
  - { name: camera, speed: ${speeds.camera} }
  - { name: gateway, tier: edge, speed: ${speeds.gateway} }
  - { name: cloud, tier: cloud, speed: ${speeds.cloud} }
links:
  - { between: [camera, gateway], bandwidth: 20 Mbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
`;
}

async function measure(
  testbed: Testbed,
  name: string,
  speeds: Readonly<Record<Device, number>>,
  folder: string,
): Promise<Cell> {
  const text = topologyText(speeds);
  const topologyFile = join(folder, "testbed.topology.yaml");
  writeFileSync(topologyFile, text);
  const topology = readTopology(text);
  const problem = createProblem(readProfile(profileText(), "profile"), topology, {
    type: "latency",
  });
  const rows = sliceOf(name);
  const csv = `seconds,link,bandwidthBitsPerSecond\n${rows.map(({ seconds: at, rate }) => `${at},camera<->gateway,${rate}`).join("\n")}\n`;
  const trace = readTrace(csv, topology, name);
  const { choices, simulated } = foretell(problem, trace);
  const measured: Record<string, Measured> = {};
  const run = async (policy: string, plan: string | null): Promise<void> => {
    measured[policy] = await live(testbed, rows, { topologyFile, plan, folder });
    console.log(name, policy, JSON.stringify(measured[policy]));
  };
  await run("adaptive", null);
  const choiceNamed = (policy: string): number =>
    simulated.find((one) => one.name === policy)?.choice ?? 0;
  const kept = choiceNamed("static");
  await run("static", writePlan(problem, choices.at(kept), folder));
  const whole = choiceNamed("whole");
  if (whole !== kept) await run("whole", writePlan(problem, choices.at(whole), folder));
  return { trace: name, measured, simulated };
}

function sliceOf(name: string): { readonly seconds: number; readonly rate: number }[] {
  const offset = Number(process.env["OFFSET"] ?? 0);
  return readFileSync(`bench/data/traces/${name}.csv`, "utf8")
    .trim()
    .split("\n")
    .slice(1 + offset, 1 + offset + sliceSeconds)
    .map((line, second) => ({ seconds: second, rate: Number(line.split(",")[2]) }));
}

/** What the simulator says of the same slice, load and start. */
function foretell(
  problem: Problem,
  trace: Trace,
): { readonly choices: Choices; readonly simulated: readonly PolicyFigures[] } {
  const start = planFor(problem);
  const known = statesOf(trace).flatMap(({ state }) => planFor(problemAt(problem, state)) ?? []);
  if (start === null) throw new Error("no plan");
  const choices = createChoices(problem, [start, ...wholeChoices(problem), ...known]);
  const simulated = comparePolicies(choices, {
    arrivals: () => ({ type: "steady", perSecond }),
    requests: sliceSeconds * perSecond,
    warmUp: warmUpSeconds * perSecond,
    trace,
    start: 0,
  });
  return { choices, simulated };
}

function planFor(problem: Problem): Choice | null {
  const plan = runPlanner(exact, problem, { seed: 1, clock: systemClock });
  return "type" in plan ? null : choiceOf(problem, plan);
}

function writePlan(problem: Problem, choice: Choice, folder: string): string {
  const plan = planOfChoice(problem, choice, nominalState(problem.topology));
  const file = join(folder, "kept.plan.json");
  writeFileSync(file, JSON.stringify({ ...plan, level, threads: 1 }));
  return file;
}

/** One run of real processes along a slice. */
async function live(
  testbed: Testbed,
  rows: readonly { readonly seconds: number; readonly rate: number }[],
  {
    topologyFile,
    plan,
    folder,
  }: { readonly topologyFile: string; readonly plan: string | null; readonly folder: string },
): Promise<Measured> {
  for (const name of names) testbed.quota(name, 100);
  setRate(testbed, null);
  const token = "open-sesame";
  const state = mkdtempSync(join(folder, "state-"));
  const environment = { XDG_STATE_HOME: state, XDG_CACHE_HOME: join(state, "cache") };
  const listen = `${testbed.address(desk)}:${port}`;
  const planning =
    plan === null ? ["--profile", `bench/profiles/${network}.profile.json`] : ["--plan", plan];
  const coordinator = testbed.exec(
    desk,
    [
      ...[process.execPath, cli, "coordinator", topologyFile, `zoo:${network}`, "--listen", listen],
      ...["--token", token, "--json", "--heartbeat", "0.25 s", "--missed", "20", ...planning],
    ] as [string, ...string[]],
    environment,
  );
  const processes: Running[] = [coordinator];
  try {
    const told = JSON.parse(await coordinator.line(/"type":"listening"/)) as { token: string };
    for (const name of names) {
      processes.push(
        testbed.exec(
          name,
          [
            ...[process.execPath, cli, "agent", "--join", listen, "--name", name],
            ...["--token", told.token],
          ] as [string, ...string[]],
          { XDG_STATE_HOME: join(state, name), XDG_CACHE_HOME: join(state, name, "cache") },
        ),
      );
    }
    await coordinator.line(/"type":"serving"/);
    const asking = testbed.exec(desk, [process.execPath, here, "load", listen, told.token]);
    processes.push(asking);
    await asking.line(/^ready/);
    for (const name of names) testbed.quota(name, quotas[name]);
    setRate(testbed, rows[0]?.rate ?? null);
    await asking.line(/^begun/);
    const before = coordinator.lines.length;
    await follow(testbed, rows, asking);
    const events = coordinator.lines.slice(before);
    return figuresOf(asking.lines, events);
  } finally {
    for (const one of processes.reverse()) one.kill();
    for (const name of names) testbed.quota(name, 100);
    setRate(testbed, null);
    await Promise.all(processes.map(({ ended }) => ended));
  }
}

/** Changes the link each second until the last answer. */
async function follow(
  testbed: Testbed,
  rows: readonly { readonly seconds: number; readonly rate: number }[],
  asking: Running,
): Promise<void> {
  const start = systemClock.now();
  for (const { seconds: at, rate } of rows) {
    const left = start + at - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left));
    setRate(testbed, rate);
  }
  await asking.line(/^done/);
}

function setRate(testbed: Testbed, bitsPerSecond: number | null): void {
  for (const channel of link) testbed.rate(channel, bitsPerSecond);
}

function figuresOf(lines: readonly string[], events: readonly string[]): Measured {
  const answers = lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { at: number; seconds?: number; isRight?: boolean });
  const good = answers.filter(({ seconds: took }) => took !== undefined);
  const counted = good
    .filter(({ at }) => at >= warmUpSeconds)
    .map(({ seconds: took }) => took as number)
    .sort((a, b) => a - b);
  return {
    meanSeconds: counted.reduce((sum, one) => sum + one, 0) / counted.length,
    p99Seconds: counted[Math.ceil(0.99 * counted.length) - 1] ?? Number.NaN,
    switches: events.filter((line) => line.includes('"type":"serving"')).length,
    asked: sliceSeconds * perSecond,
    answered: good.length,
    wrong: good.filter(({ isRight }) => isRight !== true).length,
  };
}

function report(cells: readonly Cell[], speeds: Readonly<Record<Device, number>>): void {
  const mean = (value: number | null | undefined): string =>
    value === null || value === undefined ? "–" : formatQuantity(value, "s", 3);
  const lines = [
    "# Live re-planning on the test bed",
    "",
    `\`npm run bench -- testbed-adapt\`: ${network} on three network namespaces with parts of a core (${names.map((name) => `${name} ${quotas[name]} %`).join(", ")}), real agents and a real coordinator over TLS, ${perSecond} request a second for ${sliceSeconds} s, the first ${warmUpSeconds} s left out. The link between camera and gateway follows the first seconds of the trace, in both directions; coordinator and client are on links of their own, which are not limited. Measured unless it says simulated; the oracle knows the trace and switches at once and for nothing, and is simulated only.`,
    "",
    "| trace | re-planned | switches | p99 | lost | wrong | best kept | never split | oracle (simulated) | re-planned (simulated) | best kept (simulated) | simulator off by |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ...cells.map(({ trace, measured, simulated }) => {
      const found = (name: string) => simulated.find((one) => one.name === name)?.meanSeconds;
      const adaptive = measured["adaptive"] as Measured;
      const kept = measured["static"] as Measured;
      const off = (found("static") ?? Number.NaN) / kept.meanSeconds - 1;
      return `| ${trace} | ${mean(adaptive.meanSeconds)} | ${adaptive.switches} | ${mean(adaptive.p99Seconds)} | ${adaptive.asked - adaptive.answered} | ${adaptive.wrong} | ${mean(kept.meanSeconds)} | ${mean((measured["whole"] ?? kept).meanSeconds)} | ${mean(found("oracle"))} | ${mean(found("adaptive"))} | ${mean(found("static"))} | ${(100 * off).toFixed(0)} % |`;
    }),
    "",
  ];
  console.log(lines.join("\n"));
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/testbed-adapt.md", lines.join("\n"));
  const surroundings = { node: process.version, cpu: cpus()[0]?.model, kernel: release() };
  const document = {
    command: "npm run bench -- testbed-adapt",
    ...surroundings,
    ...{ sliceSeconds, warmUpSeconds, perSecond, quotas, speeds, cells },
  };
  writeFileSync("bench/results/testbed-adapt.json", `${JSON.stringify(document, null, 2)}\n`);
}
