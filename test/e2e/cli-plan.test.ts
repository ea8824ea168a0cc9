import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelledProfile } from "../fixtures/modelled-profile.ts";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
const profile = "alexnet.profile.json";
const topology = "home.topology.yaml";
const words = ["plan", profile, "-t", topology];

const topologyText = `
format: partita.topology/1
devices:
  - { name: camera,  tier: device, speed: 0.1, memory: 512 MiB, power: { busy: 4 W, idle: 1.5 W } }
  - { name: gateway, tier: edge,   speed: 0.4, power: { busy: 12 W, idle: 4 W } }
  - { name: cloud,   tier: cloud,  speed: 4,   power: { busy: 200 W, idle: 0 W } }
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s, latency: 2 ms, energy: 0.1 uJ/bit }
  - { between: [gateway, cloud], bandwidth: 20 Mbit/s, latency: 15 ms }
source: camera
`;

const trace = `seconds,link,bandwidthBitsPerSecond
0,camera<->gateway,60000000
10,camera<->gateway,2000000
14,camera<->gateway,30000000
30,camera<->gateway,60000000
40,camera<->gateway,1000000
`;

const read = (name: string) => JSON.parse(readFileSync(bench.path(name), "utf8"));

beforeAll(() => {
  bench.write(profile, JSON.stringify(modelledProfile("alexnet")));
  bench.write(topology, topologyText);
  bench.write("wifi.csv", trace);
});

afterAll(() => bench.remove());

test("plans a front of latency against energy, draws it, and writes every plan", async () => {
  const front = [...words, "--pareto", "latency,energy"];
  const shown = await bench.run(...front, "--svg", "front.svg", "--plans", "plans");
  expect(shown).toMatchObject({ code: 0, errors: "" });
  expect(shown.output).toMatch(/^Front of latency against energy: \w+ supported points?\./);
  expect(shown.output).toContain("Proven: whatever weights you give");
  expect(shown.output).toMatch(/point +latency +energy +devices +sent +gap/);
  expect(shown.output).toContain("Everything on one device");
  const drawn = readFileSync(bench.path("front.svg"), "utf8");
  expect(drawn).toContain("latency (ms)");
  expect(drawn).toMatch(/energy \(m?J\)/);
  const { output } = await bench.call(...front, "--json");
  const document = JSON.parse(output);
  expect(document).toMatchObject({ format: "partita.pareto/1", complete: true, units: ["s", "J"] });
  const values = document.points.map((point: { values: number[] }) => point.values);
  expect(values).toEqual([...values].sort((a, b) => a[0] - b[0]));
  const files = readdirSync(bench.path("plans")).sort();
  expect(files).toEqual(values.map((_: unknown, at: number) => `point-0${at}.plan.json`));
  const chosen = ["explain", "plans/point-00.plan.json", "--profile", profile, "-t", topology];
  expect(await bench.call(...chosen)).toMatchObject({ code: 0, errors: "" });
});

test("plans fronts with throughput and memory by limits, and their plans hold", async () => {
  const limited = [...words, "--pareto", "latency,throughput", "--points", "4", "--plans", "fast"];
  const shown = await bench.call(...limited);
  expect(shown).toMatchObject({ code: 0, errors: "" });
  expect(shown.output).toMatch(/^Front of latency against throughput: /);
  expect(shown.output).toMatch(/ \/s /);
  const last = `fast/${readdirSync(bench.path("fast")).sort().at(-1)}`;
  expect(read(last).limits).toHaveProperty("periodSeconds");
  const checked = await bench.call("explain", last, "--profile", profile, "-t", topology);
  expect(checked).toMatchObject({ code: 0, errors: "" });
  const memory = [
    ...words,
    "--pareto",
    "memory:camera,latency",
    "--points",
    "3",
    "-o",
    "front.json",
  ];
  expect(await bench.call(...memory)).toMatchObject({ code: 0, errors: "" });
  expect(read("front.json")).toMatchObject({
    axes: ["memory:camera", "latency"],
    method: "limits",
  });
});

test("plans for a trace, warns of the mean bandwidth, and writes a plan that can be checked", async () => {
  const kept = [...words, "--trace", "wifi.csv", "-o", "kept.plan.json"];
  const { output, errors, code } = await bench.call(...kept);
  expect({ errors, code }).toEqual({ errors: "", code: 0 });
  expect(output).toMatch(/^The mean latency of this plan, kept in \d+ states of the world/);
  expect(output).toContain("no placement that is kept has a smaller mean (gap 0)");
  expect(output).toContain("Beware of planning with the mean bandwidth");
  expect(output).toContain("In the topology as it is stated");
  const { mean, value, compared } = read("kept.plan.json").uncertainty;
  expect(value).toBe(mean);
  expect(compared.stated.mean).toBeGreaterThanOrEqual(mean);
  expect(compared.adapting.mean).toBeLessThanOrEqual(mean);
  const explained = ["explain", "kept.plan.json", "--profile", profile, "-t", topology];
  expect(await bench.call(...explained)).toMatchObject({ code: 0, errors: "" });
  const forged = readFileSync(bench.path("kept.plan.json"), "utf8");
  bench.write(
    "forged.plan.json",
    forged.replace(/"mean": [\d.e-]+,\s+"quantiles"/, '"mean": 0.001, "quantiles"'),
  );
  explained[1] = "forged.plan.json";
  expect((await bench.call(...explained)).errors).toMatch(/^error PLAN_INVALID: .* mean = 0\.001/);
});

test("plans for a quantile of a distribution, the same for the same seed", async () => {
  const vary = ["--vary", "camera<->gateway=lognormal(30 Mbit/s, 1)", "--vary", "gateway=1..4"];
  const judged = [...words, ...vary, "--samples", "200", "--judge", "p90", "--json"];
  const [first, second] = [await bench.call(...judged), await bench.call(...judged)];
  expect(first).toMatchObject({ code: 0, errors: "" });
  const { uncertainty } = JSON.parse(first.output);
  expect(uncertainty).toMatchObject({ judge: "p90", states: 200 });
  expect(uncertainty.value).toBe(uncertainty.quantiles.p90);
  expect(uncertainty.bound).toBeLessThanOrEqual(uncertainty.value);
  expect(JSON.parse(second.output).uncertainty).toEqual(uncertainty);
});

test.each([
  ["one axis", ["--pareto", "latency"], /two axes, such as "latency,energy"/],
  ["an axis twice", ["--pareto", "energy,energy"], /names energy twice/],
  ["an unknown device", ["--pareto", "latency,memory:moon"], /no device of the topology/],
  [
    "a front without proofs",
    ["--pareto", "latency,energy", "--planner", "random"],
    /needs the planner exact, not random/,
  ],
  [
    "a front of an objective",
    ["--pareto", "latency,energy", "--objective", "latency"],
    /takes the place of --objective/,
  ],
  [
    "a front over a trace",
    ["--pareto", "latency,energy", "--trace", "wifi.csv"],
    /figures of one state/,
  ],
  ["points of no front", ["--points", "4"], /--points is about a front/],
  ["a judge of nothing", ["--judge", "p90"], /--judge is about links that change/],
  [
    "an unknown judge",
    ["--trace", "wifi.csv", "--judge", "best"],
    /--judge wants mean, or a quantile/,
  ],
  [
    "a mixture",
    ["--trace", "wifi.csv", "--vary", "cloud=1..2"],
    /--trace and --vary cannot be mixed/,
  ],
  ["a range without a unit", ["--vary", "camera->gateway=5..40"], /is not a quantity in bit\/s/],
  [
    "the mean of a maximum",
    ["--trace", "wifi.csv", "--objective", "throughput"],
    /the period is a maximum/,
  ],
  [
    "limits that differ",
    ["--trace", "wifi.csv", "--max-latency", "1 s"],
    /mean nothing where these differ/,
  ],
] as const)("refuses %s: exit code 64", async (_, more, message) => {
  const { code, output, errors } = await bench.call(...words, ...more);
  expect(errors).toMatch(message);
  expect({ code, output }).toEqual({ code: 64, output: "" });
});

test("refuses traces of another topology and empty ones, and energy that nobody states", async () => {
  bench.write("other.csv", trace.replaceAll("camera", "phone"));
  const other = await bench.call(...words, "--trace", "other.csv");
  expect(other.errors).toMatch(
    /^error TRACE_INVALID: other\.csv: line 2 names link 'phone<->gateway'/,
  );
  bench.write("empty.csv", "");
  const empty = await bench.call(...words, "--trace", "empty.csv");
  expect(empty.errors).toMatch(/^error TRACE_INVALID: empty\.csv/);
  expect(empty.code).toBe(65);
  bench.write(
    "cold.yaml",
    topologyText.replace(/,\s+power: \{[^}]*\}/g, "").replace(/, energy: [^}]*/, " "),
  );
  const cold = await bench.call("plan", profile, "-t", "cold.yaml", "--pareto", "latency,energy");
  expect(cold.errors).toMatch(/^error TOPOLOGY_INVALID: energy is asked for/);
});

test("answers that nothing keeps the limits where a front is asked for: exit code 69", async () => {
  const front = [...words, "--pareto", "latency,energy", "--max-latency", "1 ms"];
  const { code, output } = await bench.call(...front);
  expect(output).toMatch(/^No plan for latency,energy keeps the limits:/);
  expect(code).toBe(69);
});

test("plans on the compressed graph, says so, and refuses where that is not exact", async () => {
  const { output, code } = await bench.call(...words, "--compress", "--json");
  expect(code).toBe(0);
  const whole = JSON.parse((await bench.call(...words, "--json")).output);
  const plan = JSON.parse(output);
  expect(plan.planner).toBe(`${whole.planner}+compress`);
  expect(plan.method).toMatch(/, on \d groups of 19 nodes$/);
  expect(plan.claimed.latencySeconds).toBeCloseTo(whole.claimed.latencySeconds, 12);
  expect(Object.keys(plan.placement)).toEqual(Object.keys(whole.placement));
  const pipeline = await bench.call(...words, "--compress", "--objective", "throughput");
  expect(pipeline).toMatchObject({ code: 69, output: expect.stringContaining("is no sum") });
  const varied = await bench.call(...words, "--compress", "--pareto", "latency,energy");
  expect(varied).toMatchObject({
    code: 64,
    errors: expect.stringContaining("--compress holds for"),
  });
});
