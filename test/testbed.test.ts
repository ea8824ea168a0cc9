import { expect, test } from "vitest";
import {
  addressOf,
  cutCommand,
  execCommand,
  linkSetup,
  memoryFiles,
  prefix,
  quotaFiles,
  rateBatch,
  traceBatches,
  upCommands,
} from "../bench/testbed/commands.ts";
import { makeTrace, traceModels, writeTrace } from "../bench/testbed/traces.ts";
import { createRandom } from "../src/base/random.ts";
import { readTopology } from "../src/cost/topology-file.ts";
import { readTrace } from "../src/cost/trace.ts";

const devices = ["camera", "gateway", "cloud"];

test("everything that a test bed makes has its prefix or lives inside of what has it", () => {
  const commands = upCommands(devices);
  for (const [program, ...words] of commands) {
    expect(program).toBe("ip");
    expect(words.some((word) => word.startsWith(prefix))).toBe(true);
  }
  expect(commands.filter((command) => command[2] === "add" && command[1] === "netns")).toHaveLength(
    4,
  );
});

test("refuses names that a namespace cannot have, and devices that it does not know", () => {
  expect(() => upCommands(["a b"])).toThrow("'a b' cannot be the name of a namespace");
  expect(() => upCommands(["a", "a"])).toThrow("two devices have one name");
  expect(() => addressOf(devices, "pi")).toThrow("has no device 'pi'");
  expect(addressOf(devices, "cloud")).toBe("10.77.0.3");
});

test("sets what Ethernet takes for the rate that TCP is to carry", () => {
  const up = rateBatch(devices, { device: "camera", direction: "up" }, 10e6);
  expect(up).toEqual({
    namespace: `${prefix}-d-camera`,
    lines: ["qdisc replace dev eth0 root handle 1: tbf rate 10455801bit burst 2000 limit 300000"],
  });
  const down = rateBatch(devices, { device: "gateway", direction: "down" }, null);
  expect(down).toEqual({ namespace: `${prefix}-fabric`, lines: ["qdisc del dev p2 root"] });
});

test("each link from a device is a class of its own, changed live", () => {
  const setup = linkSetup(devices, "gateway");
  expect(setup.lines.filter((line) => line.startsWith("filter"))).toEqual([
    "filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst 10.77.0.1/32 flowid 1:1",
    "filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst 10.77.0.3/32 flowid 1:3",
  ]);
  const { lines } = rateBatch(devices, { from: "gateway", to: "cloud" }, 1448e3);
  expect(lines).toEqual([
    "class change dev eth0 parent 1: classid 1:3 htb rate 1514000bit ceil 1514000bit burst 16000 cburst 16000",
  ]);
});

test("a trace becomes a batch for each second and direction", () => {
  const rows = [
    { seconds: 0, bitsPerSecond: 1448e3 },
    { seconds: 2, bitsPerSecond: 2896e3 },
  ];
  const batches = traceBatches(devices, rows, [
    { device: "camera", direction: "up" },
    { device: "camera", direction: "down" },
  ]);
  expect(batches.map(({ seconds }) => seconds)).toEqual([0, 2]);
  expect(batches[1]?.batches.map(({ lines }) => lines[0]?.includes("rate 3028000bit"))).toEqual([
    true,
    true,
  ]);
});

test("a cut link sends to nobody, and a mended one asks again who is there", () => {
  expect(cutCommand(devices, "camera", "cloud", true)).toContain("02:00:00:00:00:01");
  expect(cutCommand(devices, "camera", "cloud", false)).toEqual([
    ...["ip", "-n", `${prefix}-d-camera`, "neigh", "del", "10.77.0.3", "dev", "eth0"],
  ]);
});

test("a part of a core is written as the host's control groups take it", () => {
  expect(quotaFiles(1, "cloud", 25).at(-1)).toEqual({
    path: `/sys/fs/cgroup/cpu/${prefix}-cloud/cpu.cfs_quota_us`,
    text: "5000",
  });
  expect(quotaFiles(2, "cloud", 25)).toEqual([
    { path: `/sys/fs/cgroup/${prefix}-cloud/cpu.max`, text: "5000 20000" },
  ]);
  expect(quotaFiles(2, "cloud", null)[0]?.text).toBe("max 20000");
});

test("a limit of memory is written for either version of control groups, with no swap beside it", () => {
  const folder = `/sys/fs/cgroup/memory/${prefix}-cloud`;
  expect(memoryFiles(1, "cloud", 5e8)).toEqual([
    { path: `${folder}/memory.swappiness`, text: "0" },
    { path: `${folder}/memory.limit_in_bytes`, text: "500000000" },
  ]);
  expect(memoryFiles(1, "cloud", null).at(-1)?.text).toBe("-1");
  expect(memoryFiles(2, "cloud", null).at(-1)).toEqual({
    path: `/sys/fs/cgroup/${prefix}-cloud/memory.max`,
    text: "max",
  });
});

test("a command runs in the namespace of its device, and in its groups if it has some", () => {
  const inside = ["nsenter", `--net=/run/netns/${prefix}-d-cloud`, "node", "-v"];
  expect(execCommand("cloud", ["node", "-v"])).toEqual(inside);
  const [program, , script, ...rest] = execCommand("cloud", ["node", "-v"], ["/one", "/two"]);
  expect(program).toBe("sh");
  expect(script).toContain("'/one/cgroup.procs'");
  expect(script).toContain("'/two/cgroup.procs'");
  expect(rest).toEqual(["sh", ...inside]);
});

test.each(traceModels)("the trace $name keeps its limits, its median and its seed", (model) => {
  const rows = makeTrace(model, 2000, createRandom(model.seed));
  expect(rows).toEqual(makeTrace(model, 2000, createRandom(model.seed)));
  const rates = rows.map(({ bitsPerSecond }) => bitsPerSecond).sort((a, b) => a - b);
  expect(rates[0]).toBeGreaterThanOrEqual(model.leastBitsPerSecond);
  expect(rates.at(-1)).toBeLessThanOrEqual(model.mostBitsPerSecond);
  expect((rates[1000] ?? 0) / model.medianBitsPerSecond).toBeGreaterThan(0.5);
  expect((rates[1000] ?? 0) / model.medianBitsPerSecond).toBeLessThan(1.5);
  const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: gateway }]
links: [{ between: [camera, gateway], bandwidth: 1 Mbit/s }]
source: camera
`);
  const read = readTrace(writeTrace(rows, "camera<->gateway"), topology, model.name);
  expect(read.changes).toHaveLength(4000);
});
