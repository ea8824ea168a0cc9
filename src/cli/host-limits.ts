/**
 * What this process may use of its machine: a container sees the whole machine's cores and memory,
 * and is throttled or killed if it believes in them.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { posix } from "node:path";

export interface HostLimits {
  /** Whole ones, at least 1. */
  readonly cores: number;
  /** What limits them, for people. */
  readonly coresFrom: string;
  readonly memoryBytes: number;
  readonly memoryFrom: string;
}

/** What is asked for the limits. */
export interface Host {
  /** The text of a file; `null`: it is not there or may not be read. */
  read(path: string): string | null;
  /** Cores that the scheduler may use for this process. */
  readonly parallelism: number;
  readonly totalBytes: number;
  /** As the JavaScript engine's host sees it; 0: it sees none. */
  readonly constrainedBytes: number;
}

const thisHost: Host = {
  read: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return null;
    }
  },
  parallelism: availableParallelism(),
  totalBytes: totalmem(),
  constrainedBytes: process.constrainedMemory() ?? 0,
};

interface Limit {
  readonly value: number;
  readonly from: string;
}

const root = "/sys/fs/cgroup";

/**
 * The least of what the machine has and what each control group around this process allows, of
 * version 2 and of version 1. A quota of one and a half cores counts as one: a second thread would
 * be throttled.
 *
 * @see Linux kernel, "Control Group v2", cpu.max and memory.max; "CFS Bandwidth Control"; "Memory Resource Controller"
 */
export function readHostLimits(host: Host = thisHost): HostLimits {
  const groups = readGroups(host);
  const cores = least([
    { value: host.parallelism, from: "the machine, and the cores that this process may run on" },
    ...groups.flatMap(({ version, path }) =>
      version === 2 ? quotaOfTwo(host, path) : quotaOfOne(host, path),
    ),
  ]);
  const memory = least([
    { value: host.totalBytes, from: "the machine" },
    { value: host.constrainedBytes, from: "the operating system" },
    ...groups.flatMap(({ version, path }) =>
      bytesIn(host, `${path}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`),
    ),
  ]);
  return {
    cores: Math.max(1, Math.floor(cores.value)),
    coresFrom: cores.from,
    memoryBytes: memory.value,
    memoryFrom: memory.from,
  };
}

interface Group {
  readonly version: 1 | 2;
  readonly path: string;
}

/** The folders of this process's control groups, and of all groups around them. */
function readGroups(host: Host): Group[] {
  const lines = (host.read("/proc/self/cgroup") ?? "").split("\n");
  return lines.flatMap((line): Group[] => {
    const parsed = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (parsed === null) return [];
    const [, controllers = "", group = "/"] = parsed;
    if (controllers === "") return upwards(root, group).map((path) => ({ version: 2, path }));
    // A container often sees its own group mounted as the top, under the host's longer name.
    return controllers
      .split(",")
      .filter((controller) => controller === "cpu" || controller === "memory")
      .flatMap((controller) => upwards(`${root}/${controller}`, group))
      .map((path) => ({ version: 1, path }));
  });
}

function upwards(mount: string, group: string): string[] {
  const inside = posix.normalize(group);
  const parts = inside.split("/").filter((part) => part !== "");
  return [...parts.keys(), parts.length].map((count) =>
    [mount, ...parts.slice(0, count)].join("/"),
  );
}

/** `200000 100000`, in microseconds of processor time and of real time, or `max 100000`. */
function quotaOfTwo(host: Host, path: string): Limit[] {
  const [quota, period] = (host.read(`${path}/cpu.max`) ?? "").trim().split(/\s+/).map(Number);
  return quotaOf(quota, period, `${path}/cpu.max`);
}

function quotaOfOne(host: Host, path: string): Limit[] {
  const quota = Number(host.read(`${path}/cpu.cfs_quota_us`) ?? Number.NaN);
  const period = Number(host.read(`${path}/cpu.cfs_period_us`) ?? Number.NaN);
  return quotaOf(quota, period, `${path}/cpu.cfs_quota_us`);
}

/** A group without a limit says `max`, which is no number, or -1. */
function quotaOf(quota = Number.NaN, period = Number.NaN, from: string): Limit[] {
  return quota > 0 && period > 0 ? [{ value: quota / period, from }] : [];
}

function bytesIn(host: Host, path: string): Limit[] {
  const text = host.read(path)?.trim() ?? "";
  return /^\d+$/.test(text) ? [{ value: Number(text), from: path }] : [];
}

/** What is not positive limits nothing. */
function least(limits: readonly [Limit, ...Limit[]]): Limit {
  return limits.reduce((smallest, limit) =>
    limit.value > 0 && limit.value < smallest.value ? limit : smallest,
  );
}
