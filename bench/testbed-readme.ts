/**
 * The README's "Run it on your machines", word for word, on three network namespaces as root:
 * `npm run bench -- testbed-readme`. The commands are read out of README.md; what is put in is the
 * token that the coordinator prints, and each device's name. The answer is compared with that of one
 * machine.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import { readNpz, writeNpz } from "../dist/cli/tensors/npz.js";
import type { Command } from "./testbed/commands.js";
import { demandTestbed, type Running, Testbed } from "./testbed/testbed.js";

interface Step {
  readonly machine: string;
  readonly command: string;
  readonly code: number | null;
  readonly printed: readonly string[];
}

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
/** The first one coordinates and has the README's address; the others are the topology's devices. */
const machines = ["coordinator", "camera", "server"] as const;
type Machine = (typeof machines)[number];
const topology = `format: partita.topology/1
devices:
  - { name: camera, speed: 0.2 }
  - { name: server, tier: cloud }
links:
  - { between: [camera, server], bandwidth: 1 Gbit/s, latency: 1 ms }
source: camera
`;

demandTestbed();
const commands = readCommands(readFileSync("README.md", "utf8"));
const root = mkdtempSync(join(tmpdir(), "partita-readme-"));
// Ctrl-C leaves nothing behind, either.
process.once("exit", () => rmSync(root, { recursive: true, force: true }));
const testbed = Testbed.up([...machines]);
const steps: Step[] = [];
const started = systemClock.now();
try {
  const verdict = await follow();
  report(verdict);
  if (verdict !== "bit-equal") process.exitCode = 1;
} finally {
  await testbed.down();
}

/** By what they run; the README's own words. */
function readCommands(text: string): Readonly<Record<"coordinator" | "agent" | "run", string>> {
  const section = text.slice(text.indexOf("## Run it on your machines"));
  const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  const lines = block.split("\n").map((line) => line.replace(/\s+#.*$/, "").trim());
  const named = (word: string): string => {
    const line = lines.find((one) => one.startsWith(`npx partita ${word} `));
    if (line === undefined) throw new Error(`the README has no 'npx partita ${word} …'`);
    return line;
  };
  return { coordinator: named("coordinator"), agent: named("agent"), run: named("run") };
}

async function follow(): Promise<string> {
  const address = /--(?:join|to) ([\d.]+):\d+/.exec(commands.agent)?.[1];
  if (address === undefined) throw new Error(`no address in '${commands.agent}'`);
  const base = address.replace(/\.\d+$/, "");
  const last = Number(address.split(".")[3]);
  for (const [position, machine] of machines.entries()) {
    const own = `${base}.${last + position}/24`;
    await testbed.exec(machine, ["ip", "addr", "add", own, "dev", "eth0"]).ended;
    prepareMachine(machine);
  }
  const [, topologyFile = "", modelFile = ""] =
    /npx partita coordinator (\S+) (\S+)/.exec(commands.coordinator) ?? [];
  const inputFile = commands.run.split(" ").at(-1) ?? "";
  writeFileSync(join(root, "coordinator", topologyFile), topology);
  await must("coordinator", `npx partita zoo squeezenet -o ${modelFile}`);
  writeFileSync(join(root, "camera", inputFile), writeNpz(picture()));
  const coordinator = start("coordinator", commands.coordinator);
  const token = / --token (\S+)/.exec(await coordinator.line(/partita agent .*--token/))?.[1] ?? "";
  const agents = (["camera", "server"] as const).map((device) => {
    const command = commands.agent.replace("TOKEN", token).replace("camera", device);
    return [device, command, start(device, command)] as const;
  });
  await coordinator.line(/serves|serving/);
  const asking = commands.run.replace("TOKEN", token);
  await must("camera", asking);
  await must("camera", `${asking} -o answers.npz`);
  await must("server", asking.replace("run", "status").replace(inputFile, "--once"));
  testbed.interrupt("coordinator");
  note("coordinator", commands.coordinator, await coordinator.ended, coordinator);
  for (const [device, command, agent] of agents) note(device, command, await agent.ended, agent);
  return await compare(inputFile);
}

/** A folder in which the package is installed, as far as `npx` looks. */
function prepareMachine(machine: Machine): void {
  const programs = join(root, machine, "node_modules", ".bin");
  mkdirSync(programs, { recursive: true });
  // As installing a package does.
  chmodSync(cli, 0o755);
  symlinkSync(cli, join(programs, "partita"));
  writeFileSync(join(root, machine, "package.json"), '{ "private": true }\n');
}

function picture(): Parameters<typeof writeNpz>[0] {
  const random = createRandom(1);
  const values = Float32Array.from({ length: 3 * 224 * 224 }, () => random.next());
  const data = new Uint8Array(values.buffer);
  return { input: { dataType: "float32", shape: [1, 3, 224, 224], data } };
}

function start(machine: Machine, command: string): Running {
  const home = join(root, machine);
  const words: Command = ["sh", "-c", `cd "$0" && exec ${command}`, home];
  return testbed.exec(machine, words, {
    ...{ HOME: home, NO_COLOR: "1", NO_UPDATE_NOTIFIER: "1" },
    ...{ XDG_STATE_HOME: join(home, "state"), XDG_CACHE_HOME: join(home, "cache") },
  });
}

async function must(machine: Machine, command: string): Promise<void> {
  const running = start(machine, command);
  const { code, printed } = note(machine, command, await running.ended, running);
  if (code !== 0) throw new Error(`'${command}' ended with ${code}:\n${printed.join("\n")}`);
}

function note(machine: Machine, command: string, code: number, { lines }: Running): Step {
  // What npm says of its own settings is none of the product's.
  const printed = lines.filter((line) => !line.startsWith("npm warn"));
  const step = { machine, command, code, printed };
  steps.push(step);
  console.log(`\n[${machine}] $ ${command}\n${printed.join("\n")}\n→ ${code}`);
  return step;
}

/** With the answer of the whole model on one machine, without any network. */
async function compare(inputFile: string): Promise<string> {
  const alone =
    "devices: [{ name: camera }]\nformat: partita.topology/1\nlinks: []\nsource: camera\n";
  writeFileSync(join(root, "coordinator", "alone.yaml"), alone);
  const model = commands.coordinator.split(" ")[4] ?? "";
  const input = join(root, "camera", inputFile);
  await must("coordinator", `npx partita run alone.yaml ${model} ${input} -o whole.npz`);
  const read = (machine: Machine, file: string) =>
    readNpz(readFileSync(join(root, machine, file)), file);
  const [split, expected] = [read("camera", "answers.npz"), read("coordinator", "whole.npz")];
  const isEqual = Object.entries(expected).every(([name, { data }]) =>
    Buffer.from(split[name]?.data ?? []).equals(Buffer.from(data)),
  );
  return isEqual && Object.keys(expected).length > 0 ? "bit-equal" : "other bits";
}

function report(verdict: string): void {
  const tookSeconds = systemClock.now() - started;
  console.log(`\n${verdict}, after ${tookSeconds.toFixed(1)} s`);
  const where = { node: process.version, kernel: release() };
  const document = { command: "npm run bench -- testbed-readme", ...where, verdict, tookSeconds };
  mkdirSync("bench/results", { recursive: true });
  const text = JSON.stringify({ ...document, commands, steps }, null, 2);
  writeFileSync("bench/results/testbed-readme.json", `${text.replaceAll(root, "~")}\n`);
}
