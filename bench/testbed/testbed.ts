/**
 * Devices as network namespaces of this machine, joined by a bridge: real TCP at rates that change,
 * real processes with parts of a core. Linux, as root.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createInterface } from "node:readline";
import {
  addressOf,
  type Batch,
  type Channel,
  type Command,
  type Controller,
  controllers,
  cutCommand,
  type Devices,
  execCommand,
  groupOf,
  groupRoot,
  linkSetup,
  memoryFiles,
  memoryRecords,
  namespaceOf,
  prefix,
  quotaFiles,
  rateBatch,
  upCommands,
} from "./commands.ts";

/** As sysexits: a service that is needed is not available. */
const unavailable = 69;

/** Longer than the longest trace. */
const patienceSeconds = 400;

/** A process on a device. */
export interface Running {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Everything that it printed so far, both streams, line by line. */
  readonly lines: readonly string[];
  /** Resolves with the first line, old or new, that matches; rejects when the process ends before, or never says it. */
  line(pattern: RegExp): Promise<string>;
  /** Exit code; 128 + signal number is not told apart from a signal. */
  readonly ended: Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

/** Ends the program with a clear message where namespaces cannot be made. */
export function demandTestbed(): void {
  const missing = findMissing();
  if (missing === null) return;
  console.error(`the test bed needs ${missing}`);
  process.exit(unavailable);
}

function findMissing(): string | null {
  if (process.platform !== "linux") return "Linux: network namespaces and traffic control";
  if (process.getuid?.() !== 0) return "root: it makes network namespaces; run it with sudo";
  for (const [program, from] of [
    ["ip", "iproute2"],
    ["tc", "iproute2"],
    ["nsenter", "util-linux"],
  ] as const) {
    if (spawnSync(program, ["-V"]).error === undefined) continue;
    return `the program '${program}' (Debian and Ubuntu: apt-get install ${from})`;
  }
  const probe = `${prefix}-probe`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  spawnSync("ip", ["netns", "del", probe]);
  if (made.status === 0) return null;
  return `network namespaces, which this machine refuses: ${made.stderr.trim()}`;
}

export class Testbed implements AsyncDisposable {
  readonly devices: Devices;
  readonly #running = new Set<ChildProcess>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #cores = new Map<string, number>();
  readonly #withLinks = new Set<string>();
  readonly #onExit = (): void => tearDown();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    tearDown();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };

  private constructor(devices: Devices) {
    this.devices = devices;
    process.on("exit", this.#onExit);
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** Makes the devices; what an earlier run left behind goes first. */
  static up(devices: Devices): Testbed {
    takeLock();
    tearDown();
    takeLock();
    const testbed = new Testbed(devices);
    for (const command of upCommands(devices)) must(command);
    return testbed;
  }

  address(device: string): string {
    return addressOf(this.devices, device);
  }

  /** Starts a process on a device; it ends with the test bed. */
  exec(device: string, command: Command, environment: Record<string, string> = {}): Running {
    const groups = [...(this.#groups.get(device) ?? [])];
    const core = this.#cores.get(device);
    const pinned: Command =
      core === undefined ? command : ["taskset", "--cpu-list", String(core), ...command];
    return this.#exec(device, pinned, groups, environment);
  }

  /** The same where a device is in the network, without its quota. */
  execBeside(device: string, command: Command, environment: Record<string, string> = {}): Running {
    return this.#exec(device, command, [], environment);
  }

  #exec(
    device: string,
    command: Command,
    groups: readonly string[],
    environment: Record<string, string>,
  ): Running {
    const [program, ...words] = execCommand(device, command, groups);
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return watch(child);
  }

  /** Changes what a channel carries, at once; `null`: as fast as the machine. */
  rate(channel: Channel, bitsPerSecond: number | null): void {
    if ("from" in channel && !this.#withLinks.has(channel.from)) {
      run(linkSetup(this.devices, channel.from));
      this.#withLinks.add(channel.from);
    }
    run(rateBatch(this.devices, channel, bitsPerSecond), bitsPerSecond === null);
  }

  /** Changes many at once: one program for each namespace. */
  apply(batches: readonly Batch[]): void {
    const byNamespace = new Map<string, string[]>();
    for (const { namespace, lines } of batches) {
      byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), ...lines]);
    }
    for (const [namespace, lines] of byNamespace) run({ namespace, lines });
  }

  /** Gives a device so much of one core; holds for what is started afterwards, changes for what runs. */
  quota(device: string, percent: number | null): void {
    const version = this.#join(device, "cpu");
    for (const { path, text } of quotaFiles(version, device, percent)) writeFileSync(path, text);
  }

  /** Limits the memory of what is started on a device from now on; the kernel kills what needs more. */
  memory(device: string, bytes: number | null): void {
    const version = this.#join(device, "memory");
    for (const { path, text } of memoryFiles(version, device, bytes)) {
      // Without a swap area there may be nothing to switch off.
      if (existsSync(path)) writeFileSync(path, text);
    }
  }

  /** The most memory that a device's processes had since the group was made, and how many were killed for it. */
  memoryRecord(device: string): { readonly peakBytes: number; readonly kills: number } {
    const { peak, kills } = memoryRecords(groupVersion("memory"), device);
    const killed = /^oom_kill (\d+)$/m.exec(readFileSync(kills, "utf8"))?.[1] ?? 0;
    return { peakBytes: Number(readFileSync(peak, "utf8")), kills: Number(killed) };
  }

  /** Begins a device's memory anew: what its files take in memory is counted no more. */
  forgetMemory(device: string): void {
    const group = groupOf(groupVersion("memory"), device, "memory");
    removeGroup(group);
    this.#groups.get(device)?.delete(group);
  }

  #join(device: string, controller: Controller): 1 | 2 {
    const version = groupVersion(controller);
    const group = groupOf(version, device, controller);
    mkdirSync(group, { recursive: true });
    // A group of version 2 limits only what its parent lets it.
    if (version === 2) writeFileSync(`${groupRoot(2)}/cgroup.subtree_control`, `+${controller}`);
    this.#groups.set(device, (this.#groups.get(device) ?? new Set()).add(group));
    return version;
  }

  /**
   * What is started on a device afterwards stays on one core of this machine. The kernel hands out a
   * quota core by core, so that a thread on one core may wait for what is left over on another.
   */
  pin(device: string, core: number): void {
    this.#cores.set(device, core);
  }

  /** Nothing arrives any more, in both directions, and nobody is told. */
  cut(one: string, other: string): void {
    must(cutCommand(this.devices, one, other, true));
    must(cutCommand(this.devices, other, one, true));
  }

  mend(one: string, other: string): void {
    must(cutCommand(this.devices, one, other, false));
    must(cutCommand(this.devices, other, one, false));
  }

  /** Ctrl-C: every process on the device gets it. */
  interrupt(device: string): void {
    for (const pid of processesIn(namespaceOf(device))) signal(pid, "SIGINT");
  }

  async down(): Promise<void> {
    const ends = [...this.#running].map(
      (child) => new Promise<void>((resolve) => child.once("exit", () => resolve())),
    );
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all(ends);
    tearDown();
    process.off("exit", this.#onExit);
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

/** Names are the machine's: there is one test bed at a time. */
const lockFile = `/run/${prefix}.pid`;

function takeLock(): void {
  const holder = existsSync(lockFile) ? Number(readFileSync(lockFile, "utf8")) : 0;
  if (holder !== process.pid && existsSync(`/proc/${holder || "none"}`)) {
    console.error(`the test bed is in use by process ${holder}`);
    process.exit(unavailable);
  }
  writeFileSync(lockFile, String(process.pid));
}

/** Removes everything whose name begins with the prefix, processes in it included. */
function tearDown(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  const names = (stdout ?? "")
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((name) => name.startsWith(`${prefix}-`));
  for (const name of names) {
    for (const pid of processesIn(name)) signal(pid, "SIGKILL");
    spawnSync("ip", ["netns", "del", name]);
  }
  const roots = ([1, 2] as const).flatMap((version) =>
    controllers.map((controller) => groupRoot(version, controller)),
  );
  for (const root of new Set(roots)) {
    if (!existsSync(root)) continue;
    for (const name of readdirSync(root)) {
      if (name.startsWith(`${prefix}-`)) removeGroup(`${root}/${name}`);
    }
  }
  rmSync(lockFile, { force: true });
}

/** Processes that have just been killed may still be leaving it. */
function removeGroup(folder: string): void {
  for (let tries = 0; tries < 50 && existsSync(folder); tries++) {
    try {
      rmdirSync(folder);
    } catch {
      spawnSync("sleep", ["0.02"]);
    }
  }
}

function processesIn(namespace: string): number[] {
  const pids = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" }).stdout ?? "";
  return pids.split("\n").flatMap((line) => (line === "" ? [] : [Number(line)]));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself meanwhile.
  }
}

function groupVersion(controller: Controller = "cpu"): 1 | 2 {
  const file = controller === "cpu" ? "cpu.cfs_quota_us" : "memory.limit_in_bytes";
  return existsSync(`${groupRoot(1, controller)}/${file}`) ? 1 : 2;
}

function must([program, ...words]: Command): void {
  const { status, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error(`${program} ${words.join(" ")}: ${stderr?.trim() || error?.message || status}`);
}

function run({ namespace, lines }: Batch, mayFail = false): void {
  const input = `${lines.join("\n")}\n`;
  const { status, stderr } = spawnSync("tc", ["-n", namespace, "-batch", "-"], {
    input,
    encoding: "utf8",
  });
  if (status === 0 || mayFail) return;
  throw new Error(`tc in ${namespace}: ${stderr.trim()}\n${input}`);
}

function watch(child: ChildProcess): Running {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      wake();
    });
  }
  let hasEnded = false;
  const ended = new Promise<number>((resolve) => {
    child.once("close", (code) => {
      hasEnded = true;
      resolve(code ?? 1);
      wake();
    });
  });
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const give = (what: string): void =>
        reject(new Error(`the process ${what} ${pattern}:\n${lines.slice(-50).join("\n")}`));
      const timer = setTimeout(() => {
        waiting.delete(look);
        give(`said nothing for ${patienceSeconds} s like`);
      }, 1000 * patienceSeconds);
      const look = (): void => {
        const found = lines.find((one) => pattern.test(one));
        if (found === undefined && !hasEnded) return;
        clearTimeout(timer);
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else give("ended before");
      };
      waiting.add(look);
      look();
    });
  return {
    pid: child.pid ?? 0,
    process: child,
    lines,
    line,
    ended,
    kill: (signal = "SIGTERM") => {
      child.kill(signal);
    },
  };
}
