/**
 * One network on one device with a limit of memory, in several ways.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import { readNpz } from "../../dist/cli/tensors/npz.js";
import { readPlan } from "../../dist/plan/plan.js";
import type { Command } from "./commands.js";
import type { Running, Testbed } from "./testbed.js";

/** The device. The other machine of the test bed, `desk`, coordinates and asks, without a limit. */
export const board = "board";
const desk = "desk";
const requests = 2;
const tolerance = 1e-5;
/** With very little memory weights come from the disk again and again: that is no way to run anything. */
const patienceSeconds = 60;

/**
 * `runtime`: the whole graph, from files that the runtime maps, in a program that does nothing else and
 * keeps nothing from run to run; `mapped`: the same, with weights that stay as they are in their files;
 * `whole`: an agent that runs the whole graph as its only part; `tiles`: an agent with a plan that needs
 * as little memory as the planner knows.
 */
export type Way = "runtime" | "mapped" | "whole" | "tiles";
export const ways: readonly Way[] = ["runtime", "mapped", "whole", "tiles"];
/** Those that need a plan. */
export type Planned = "whole" | "tiles";

export function isPlanned(way: Way): way is Planned {
  return way === "whole" || way === "tiles";
}

/** What trials read, in one folder. */
export interface Files {
  readonly folder: string;
  readonly network: string;
  readonly topology: string;
  readonly profile: string;
  readonly graph: string;
  readonly plans: Readonly<Record<Planned, string>>;
  /** Answers of the whole model without a limit. */
  readonly expected: string;
}

export interface Outcome {
  /** Whether all was answered, and right. */
  readonly isRight: boolean;
  /** How it ended: `answered`, or what became of the process. */
  readonly end: string;
  readonly peakBytes: number;
  /** Of the last answer. */
  readonly seconds: number | null;
  /** The largest difference from the whole model's answers, relative to the largest value; `null`: no answers. */
  readonly difference: number | null;
}

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Memory that was freed goes back to the system: else the C library keeps what it thinks is used again. */
const environment = { MALLOC_MMAP_THRESHOLD_: "1000000", MALLOC_TRIM_THRESHOLD_: "1000000" };
const alone = `format: partita.topology/1
devices:
  - { name: ${board} }
links: []
source: ${board}
`;

/** Profiles the network, plans it whole and asks for its answers. */
export async function prepare(testbed: Testbed, folder: string, network: string): Promise<Files> {
  mkdirSync(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  // Measured once for all runs of this benchmark.
  const profiled = join(tmpdir(), `partita-bench-${basename(folder)}.profile.json`);
  const files: Files = {
    ...{ folder, network, topology: at("alone.yaml"), profile: profiled },
    ...{ graph: at("network.onnx"), expected: at("expected.npz") },
    plans: { whole: at("whole.plan.json"), tiles: at("tiles.plan.json") },
  };
  writeFileSync(files.topology, alone);
  const { profile, graph, topology, plans, expected } = files;
  await must(testbed, ["profile", network, "--no-codecs", "-o", profile, "--graph", graph]);
  await must(testbed, ["plan", profile, "-t", topology, "-o", plans.whole]);
  const words = ["--plan", plans.whole, "--full-speed", "--seeds", String(requests)];
  await must(testbed, ["run", topology, network, ...words, "-o", expected]);
  return files;
}

/** The plan of the least memory that the planner finds, within a hundredth. */
export async function smallestPlan(testbed: Testbed, files: Files): Promise<void> {
  const { profile, topology, plans } = files;
  const { claimed } = readPlan(readFileSync(plans.whole, "utf8"));
  let works = claimed.memoryBytes[board] ?? 0;
  let fails = works / 2;
  while (works / fails > 1.01) {
    const middle = Math.round((works + fails) / 2);
    const words = ["--max-memory", `${middle} B`, "-o", plans.tiles];
    if ((await ended(testbed, ["plan", profile, "-t", topology, ...words])).code === 0) {
      works = readPlan(readFileSync(plans.tiles, "utf8")).claimed.memoryBytes[board] ?? middle;
    } else fails = middle;
  }
}

/** Runs the network on the device with a limit; `null`: without. Nothing is left of it but weights on the disk. */
export async function tryLimit(
  testbed: Testbed,
  files: Files,
  way: Way,
  limitBytes: number | null,
): Promise<Outcome> {
  testbed.memory(board, limitBytes);
  try {
    const answers = join(files.folder, "answers.npz");
    rmSync(answers, { force: true });
    const { end, seconds: took } = isPlanned(way)
      ? await runByAgent(testbed, files, files.plans[way], answers)
      : await runAlone(testbed, files, way === "mapped");
    const { peakBytes, kills } = testbed.memoryRecord(board);
    const difference = !isPlanned(way) || took === null ? null : differ(answers, files);
    const isRight = took !== null && (difference ?? 0) <= tolerance;
    const how = kills > 0 && !isRight ? `killed for its memory (${end})` : end;
    return { isRight, end: how, peakBytes, seconds: took, difference };
  } finally {
    testbed.forgetMemory(board);
  }
}

const slow = `nothing within ${patienceSeconds} s`;

interface Trial {
  readonly end: string;
  readonly seconds: number | null;
}

const program = `
const { InferenceSession, Tensor } = require("onnxruntime-node");
const [path, requests, disable_prepacking] = process.argv.slice(1);
(async () => {
  const session = await InferenceSession.create(path, {
    graphOptimizationLevel: "disabled", intraOpNumThreads: 1, logSeverityLevel: 3,
    enableCpuMemArena: false, enableMemPattern: false, extra: { session: { disable_prepacking } },
  });
  const { name, shape } = session.inputMetadata[0];
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5);
  let seconds = 0;
  for (let at = 0; at < Number(requests); at++) {
    const start = performance.now();
    await session.run({ [name]: new Tensor("float32", values, shape) });
    seconds = (performance.now() - start) / 1000;
  }
  console.log("answered " + seconds);
})();
`;

async function runAlone(testbed: Testbed, { graph }: Files, isMapped: boolean): Promise<Trial> {
  const words = [graph, String(requests), isMapped ? "1" : "0"];
  const command: Command = [process.execPath, "-e", program, ...words];
  const running = testbed.exec(board, command, environment);
  await running.ended;
  const line = running.lines.find((one) => one.startsWith("answered"));
  if (line === undefined) return { end: howEnded(running), seconds: null };
  return { end: "answered", seconds: Number(line.split(" ")[1]) };
}

async function runByAgent(
  testbed: Testbed,
  { folder, network, topology, plans }: Files,
  plan: string,
  answers: string,
): Promise<Trial> {
  const state = mkdtempSync(join(folder, "state-"));
  const address = `${testbed.address(desk)}:7000`;
  const own = { ...environment, XDG_STATE_HOME: state, XDG_CACHE_HOME: join(folder, "cache") };
  const serve = ["coordinator", topology, network, "--plan", plan, "--listen", address, "--json"];
  const processes: Running[] = [];
  try {
    const coordinator = testbed.exec(desk, commandOf([...serve, "--no-adapt", "--no-tls"]), {
      XDG_STATE_HOME: join(state, desk),
    });
    processes.push(coordinator);
    const { token } = JSON.parse(await coordinator.line(/"type":"listening"/)) as {
      readonly token: string;
    };
    // It would refuse the whole network by itself: here the kernel is to say so.
    const memory = plan === plans.whole ? ["--memory", "64 GiB"] : [];
    const words = ["agent", "--join", address, "--name", board, "--token", token, ...memory];
    const agent = testbed.exec(board, commandOf(words), own);
    processes.push(agent);
    const serves = coordinator.line(/"type":"serving"/).then(() => true);
    serves.catch(() => undefined);
    const died = agent.ended.then(() => "died" as const);
    const late = systemClock.sleep(seconds(patienceSeconds)).then(() => "late" as const);
    const first = await Promise.race([serves, died, late]);
    if (first !== true) return { end: first === "late" ? slow : howEnded(agent), seconds: null };
    const ask = ["run", "--to", address, "--token", token, "--seeds", String(requests)];
    const client = testbed.exec(desk, commandOf([...ask, "--json", "-o", answers]), {
      XDG_STATE_HOME: join(state, "client"),
    });
    processes.push(client);
    const code = await Promise.race([client.ended, died, late]);
    if (code === "died") return { end: howEnded(agent), seconds: null };
    if (code === "late") return { end: slow, seconds: null };
    if (code !== 0) return { end: `the client ended with ${code}`, seconds: null };
    return { end: "answered", seconds: lastSeconds(client.lines) };
  } finally {
    for (const one of processes.reverse()) one.kill("SIGKILL");
    await Promise.all(processes.map(({ ended: end }) => end));
    rmSync(state, { recursive: true, force: true });
  }
}

function lastSeconds(lines: readonly string[]): number | null {
  const { requests: all } = JSON.parse(lines.join("\n")) as {
    readonly requests: readonly { readonly timings: { readonly totalSeconds: number } }[];
  };
  return all.at(-1)?.timings.totalSeconds ?? null;
}

function howEnded({ process: child, lines }: Running): string {
  const { exitCode, signalCode } = child;
  if (signalCode === "SIGKILL") return "exit code 137";
  const said = lines.at(-1) ?? "";
  return signalCode ?? `exit code ${exitCode}${said === "" ? "" : `, ${said.slice(0, 120)}`}`;
}

/** The largest difference of all answers, relative to the largest value of the tensor. */
function differ(answers: string, { expected }: Files): number {
  const [found, right] = [answers, expected].map((file) => readNpz(readFileSync(file), file));
  return Math.max(
    ...Object.entries(right ?? {}).map(([name, { data }]) => {
      const [one, other] = [data, found?.[name]?.data ?? new Uint8Array(data.length)].map(
        (bytes) => new Float32Array(new Uint8Array(bytes).buffer),
      );
      const largest = Math.max(...(one ?? []).map(Math.abs));
      return (
        Math.max(...(one ?? []).map((value, at) => Math.abs(value - (other?.[at] ?? 0)))) / largest
      );
    }),
  );
}

function commandOf(words: readonly string[]): Command {
  return [process.execPath, cli, ...words];
}

async function ended(testbed: Testbed, words: readonly string[]) {
  const running = testbed.exec(desk, commandOf(words));
  return { code: await running.ended, lines: running.lines };
}

async function must(testbed: Testbed, words: readonly string[]): Promise<void> {
  const { code, lines } = await ended(testbed, words);
  if (code !== 0) throw new Error(`partita ${words.join(" ")}: ${code}\n${lines.join("\n")}`);
}
