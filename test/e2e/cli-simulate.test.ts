import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
const topology = "home.topology.yaml";
const profile = "chain.profile.json";
const plan = "chain.plan.json";

/** A node of 20 ms and two of 10 ms; the tensors between them take 10 ms on the link. */
const chain = {
  format: "partita.profile/1",
  graph: {
    name: "chain",
    inputs: ["t0"],
    outputs: ["t3"],
    tensors: [0, 1, 2, 3].map((tensor) => ({
      name: `t${tensor}`,
      dataType: "uint8",
      shape: [10_000],
      bytes: 10_000,
    })),
    nodes: [0, 1, 2].map((node) => ({
      name: `n${node}`,
      operator: "Op",
      inputs: [`t${node}`],
      outputs: [`t${node + 1}`],
      flop: null,
      parameterBytes: 0,
    })),
  },
  devices: {
    core: {
      nodeSeconds: [0.02, 0.01, 0.01],
      overheadSeconds: 0,
      boundarySecondsPerByte: 0,
      overheadBytes: 0,
    },
  },
};

beforeAll(async () => {
  bench.write(profile, JSON.stringify(chain));
  bench.write(
    topology,
    `
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ from: camera, to: cloud, bandwidth: 8 Mbit/s, latency: 5 ms }]
source: camera
sink: anywhere
`,
  );
  bench.write("wifi.csv", "seconds,link,bandwidthBitsPerSecond\n0.5,camera->cloud,1e6\n");
  const words = ["-t", topology, "--objective", "throughput", "-o", plan];
  expect(await bench.call("plan", profile, ...words)).toMatchObject({ code: 0, errors: "" });
});

afterAll(() => bench.remove());

const simulate = (...words: string[]) => bench.call("simulate", topology, profile, ...words);

async function figures(...words: string[]) {
  const { code, output, errors } = await simulate(...words, "--json");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  return JSON.parse(output);
}

test("a full pipeline reaches the throughput that its plan claims", async () => {
  const words = ["--plan", plan, "--requests", "200"];
  const { output, code } = await bench.run("simulate", topology, profile, ...words);
  expect(code).toBe(0);
  expect(output).toMatch(/^All 200 requests were answered within 4\.0\d+ s\.\n/);
  expect(output).toContain("arrivals     6 in flight at all times, which fill the pipeline");
  expect(output).toMatch(
    /latency +p50 120 ms, p90 120 ms, p99 120 ms, max 120 ms \(the plan: 55 ms/,
  );
  expect(output).toContain("50 /s, one each 20 ms (100 % of the 50 /s that the plan claims)");
  expect(output).toMatch(/100\.0 % +█{20}/);
  expect(output).toMatch(/camera → cloud +50\.0 % +█{10}·{10} +10 ms/);
});

test("one request at a time takes what the plan claims, with or without a plan file", async () => {
  for (const words of [
    ["--plan", plan],
    ["--objective", "throughput"],
  ]) {
    const found = await figures(...words, "--arrivals", "closed:1", "--requests", "20");
    expect(found.latencySeconds.p50).toBeCloseTo(0.055, 12);
    expect(found.claimed.latencySeconds).toBeCloseTo(0.055, 12);
  }
});

test("a slower link slows answers down, and Poisson arrivals are the same for a seed", async () => {
  const slow = await figures("--plan", plan, "--trace", "wifi.csv", "--requests", "200");
  expect(slow.periodSeconds).toBeGreaterThan(0.07);
  expect(slow.periodSeconds).toBeLessThanOrEqual(0.08 + 1e-9);
  const drawn = (seed: string) =>
    figures("--plan", plan, "--arrivals", "poisson:30/s", "--seed", seed);
  const [first, again, other] = [await drawn("1"), await drawn("1"), await drawn("2")];
  expect(again).toEqual(first);
  expect(other.latencySeconds).not.toEqual(first.latencySeconds);
  expect(first.throughputPerSecond).toBeGreaterThan(25);
  expect(first.throughputPerSecond).toBeLessThan(35);
});

test("a loss says how many requests it takes, and arrivals can be listed", async () => {
  bench.write("arrivals.csv", "seconds\n0\n0.1\n0.2\n0.3\n");
  const words = ["--plan", plan, "--arrivals", "arrivals.csv", "--loss", "cloud@230ms"];
  expect((await figures(...words)).requests).toEqual({
    sent: 4,
    answered: 2,
    lost: 1,
    stalled: 1,
  });
  const { output } = await simulate(...words);
  expect(output).toMatch(/^2 of 4 requests were answered/);
  expect(output).toContain("cloud is lost at 230 ms");
  expect(output).toContain("1 lost: a device went down with them");
});

test("draws what devices and links do, over the first requests or a window", async () => {
  const words = ["--plan", plan, "--requests", "50", "--trace", "wifi.csv"];
  expect(await simulate(...words, "--svg", "first.svg")).toMatchObject({ code: 0, errors: "" });
  const first = readFileSync(bench.path("first.svg"), "utf8");
  expect(first).toMatch(/^<svg /);
  for (const label of ["camera", "camera → cloud", "answered", "time, ms", "carries tensors"]) {
    expect(first).toContain(`>${label}<`);
  }
  expect(first).not.toContain("1 Mbit/s");
  const { output } = await simulate(...words, "--svg", "-", "--window", "450ms..650ms");
  expect(output).toMatch(/^<svg /);
  expect(output).toContain("camera → cloud: 1 Mbit/s");
  expect(output).toContain("from 450 ms to 650 ms");
  const late = await simulate(...words, "--svg", "late.svg", "--window", "1h..2h");
  expect(late.errors).toMatch(/nothing happens in the window/);
});

test.each([
  [
    "an unknown device in a trace",
    ["--trace", "t.csv"],
    /^error TRACE_INVALID: t\.csv: line 2 names device 'moon'/,
  ],
  ["an unknown way to arrive", ["--arrivals", "often"], /^error FILE_NOT_FOUND: often/],
  [
    "a loop with nothing in flight",
    ["--arrivals", "closed:0"],
    /^error USAGE_INVALID: --arrivals closed:N/,
  ],
  [
    "a rate without its unit",
    ["--arrivals", "poisson:10"],
    /^error USAGE_INVALID: --arrivals poisson:RATE/,
  ],
  [
    "arrivals that are no list",
    ["--arrivals", "t.csv"],
    /^error TRACE_INVALID: t\.csv: the first line is/,
  ],
  [
    "the loss of an unknown device",
    ["--loss", "moon@5s"],
    /^error USAGE_INVALID: --loss names device 'moon'.*camera, cloud/,
  ],
  ["a loss without a time", ["--loss", "cloud"], /^error USAGE_INVALID: --loss wants DEVICE@TIME/],
  [
    "a loss at a time without a unit",
    ["--loss", "cloud@5"],
    /^error USAGE_INVALID: --loss wants a time/,
  ],
  [
    "a window without a drawing",
    ["--window", "1s..2s"],
    /^error USAGE_INVALID: --window .* add --svg/,
  ],
  [
    "a window that ends before it begins",
    ["--svg", "x.svg", "--window", "2s..1s"],
    /--window must end after it begins/,
  ],
  ["no requests", ["--requests", "0"], /^error USAGE_INVALID: --requests wants a whole number/],
  [
    "a warm-up of everything",
    ["--requests", "5", "--warm-up", "5"],
    /--warm-up 5 leaves nothing of 5/,
  ],
  [
    "options that a plan cannot obey",
    ["--plan", plan, "--planner", "exact"],
    /--planner cannot change the plan/,
  ],
])("refuses %s", async (_, words, message) => {
  bench.write("t.csv", "seconds,device,slowDown\n1,moon,2\n");
  const { code, output, errors } = await simulate(...words);
  expect(output).toBe("");
  expect(errors).toMatch(message);
  expect(errors.trim().split("\n")).toHaveLength(1);
  expect(code).toBeGreaterThan(0);
});

test("live re-planning is compared with an oracle and with plans that stay", async () => {
  const rows = Array.from({ length: 8 }, (_, block) => [
    20 * block,
    "camera->cloud",
    block % 2 === 0 ? 100e6 : 2e5,
  ]);
  bench.write("blocks.csv", `seconds,link,bandwidthBitsPerSecond\n${rows.join("\n")}\n`);
  const slow = topology.replace("home", "slow");
  bench.write(
    slow,
    `
format: partita.topology/1
devices: [{ name: camera, speed: 0.25 }, { name: cloud }]
links: [{ from: camera, to: cloud, bandwidth: 100 Mbit/s, latency: 5 ms }]
source: camera
sink: anywhere
`,
  );
  const words = [
    "--trace",
    "blocks.csv",
    "--arrivals",
    "steady:4/s",
    "--requests",
    "640",
    "--adapt",
  ];
  const shown = await bench.call("simulate", slow, profile, ...words);
  expect(shown).toMatchObject({ code: 0, errors: "" });
  expect(shown.output).toMatch(
    /^Re-planned live, requests take \d+\.\d % less than with the best plan/,
  );
  expect(shown.output).toContain("never split");
  const { output } = await bench.call("simulate", slow, profile, ...words, "--json");
  const { policies } = JSON.parse(output) as {
    policies: { name: string; switches: number; meanSeconds: number; answered: number }[];
  };
  const of = (name: string) => policies.find((policy) => policy.name === name);
  expect(policies.every(({ answered }) => answered === 640)).toBe(true);
  expect(of("adaptive")?.switches).toBe(7);
  expect(of("oracle")?.meanSeconds).toBeLessThan(of("adaptive")?.meanSeconds ?? 0);
  const refused = await bench.call("simulate", slow, profile, "--adapt");
  expect(refused.code).toBe(64);
  expect(refused.errors).toContain("--adapt re-plans along a --trace");
});
