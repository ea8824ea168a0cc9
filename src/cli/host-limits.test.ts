import { expect, test } from "vitest";
import { readHostLimits } from "./host-limits.ts";

const GiB = 2 ** 30;

function limitsOf(files: Readonly<Record<string, string>>): ReturnType<typeof readHostLimits> {
  return readHostLimits({
    read: (path) => files[path] ?? null,
    parallelism: 8,
    totalBytes: 16 * GiB,
    constrainedBytes: 0,
  });
}

test("without control groups a process may use the machine", () => {
  expect(limitsOf({})).toMatchObject({
    cores: 8,
    memoryBytes: 16 * GiB,
    memoryFrom: "the machine",
  });
});

test("version 2: the quota and the memory of the own group count", () => {
  const limits = limitsOf({
    "/proc/self/cgroup": "0::/app.slice/partita\n",
    "/sys/fs/cgroup/app.slice/partita/cpu.max": "250000 100000\n",
    "/sys/fs/cgroup/app.slice/partita/memory.max": `${2 * GiB}\n`,
  });
  expect(limits).toEqual({
    cores: 2,
    coresFrom: "/sys/fs/cgroup/app.slice/partita/cpu.max",
    memoryBytes: 2 * GiB,
    memoryFrom: "/sys/fs/cgroup/app.slice/partita/memory.max",
  });
});

test("version 2: a group around the own one limits it, too", () => {
  const limits = limitsOf({
    "/proc/self/cgroup": "0::/a/b/c\n",
    "/sys/fs/cgroup/a/cpu.max": "300000 100000",
    "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
    "/sys/fs/cgroup/a/b/c/cpu.max": "400000 100000",
    "/sys/fs/cgroup/a/b/memory.max": `${GiB}`,
    "/sys/fs/cgroup/a/b/c/memory.max": "max",
  });
  expect(limits).toMatchObject({
    cores: 3,
    coresFrom: "/sys/fs/cgroup/a/cpu.max",
    memoryBytes: GiB,
    memoryFrom: "/sys/fs/cgroup/a/b/memory.max",
  });
});

test("version 2: a container that sees its own group as the top is limited by it", () => {
  const limits = limitsOf({
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cpu.max": "100000 100000",
    "/sys/fs/cgroup/memory.max": `${GiB / 2}`,
  });
  expect(limits).toMatchObject({ cores: 1, memoryBytes: GiB / 2 });
});

test("version 1: the quota per period and the memory count, and -1 or a huge number is no limit", () => {
  const group = "/docker/0123";
  const proc = {
    "/proc/self/cgroup": `5:memory:${group}\n4:cpu,cpuacct:${group}\n1:name=systemd:/\n`,
  };
  const limited = limitsOf({
    ...proc,
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    [`/sys/fs/cgroup/cpu${group}/cpu.cfs_quota_us`]: "400000",
    [`/sys/fs/cgroup/cpu${group}/cpu.cfs_period_us`]: "100000",
    [`/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`]: `${3 * GiB}`,
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
  });
  expect(limited).toMatchObject({ cores: 4, memoryBytes: 3 * GiB });
  const free = limitsOf({
    ...proc,
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
  });
  expect(free).toMatchObject({ cores: 8, memoryBytes: 16 * GiB });
});

test("version 1: a container that sees its own group as the top is limited by it", () => {
  const limits = limitsOf({
    "/proc/self/cgroup": "4:cpu,cpuacct:/docker/of-the-host\n5:memory:/docker/of-the-host\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GiB}`,
  });
  expect(limits).toMatchObject({ cores: 1, memoryBytes: GiB });
});

test("less than one core is still one", () => {
  const limits = limitsOf({
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cpu.max": "20000 100000",
  });
  expect(limits.cores).toBe(1);
});

test.each([
  ["no limit", "max", "max 100000"],
  ["nothing", "", ""],
  ["words", "lots", "some of it"],
  ["zero and below", "-5", "0 0"],
  ["half of a line", "max max", "100000"],
])("what says %s limits nothing", (_, memory, cpu) => {
  const limits = limitsOf({
    "/proc/self/cgroup": "garbage\n0::/x\nalso:garbage\n",
    "/sys/fs/cgroup/x/memory.max": memory,
    "/sys/fs/cgroup/x/cpu.max": cpu,
  });
  expect(limits).toMatchObject({ cores: 8, memoryBytes: 16 * GiB });
});

test("what the operating system itself says counts where there are no control groups", () => {
  const limits = readHostLimits({
    read: () => null,
    parallelism: 4,
    totalBytes: 8 * GiB,
    constrainedBytes: GiB,
  });
  expect(limits).toMatchObject({ memoryBytes: GiB, memoryFrom: "the operating system" });
});

test("this machine has cores and memory", () => {
  const limits = readHostLimits();
  expect(limits.cores).toBeGreaterThanOrEqual(1);
  expect(limits.memoryBytes).toBeGreaterThan(2 ** 20);
});
