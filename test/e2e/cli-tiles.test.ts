import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../src/plan/plan.ts";
import { Workbench, withEqualTimes } from "./partita.ts";

const bench = new Workbench();
const topology = "three.topology.yaml";
const model = "vgg.onnx";
const profile = "vgg.profile.json";
const plan = "vgg.plan.json";

const json = (name: string) => JSON.parse(readFileSync(bench.path(name), "utf8"));

beforeAll(async () => {
  bench.write(
    topology,
    `
format: partita.topology/1
devices: [{ name: camera }, { name: left }, { name: right }]
links:
  - { between: [camera, left], bandwidth: 10 Gbit/s }
  - { between: [camera, right], bandwidth: 10 Gbit/s }
  - { between: [left, right], bandwidth: 10 Gbit/s }
source: camera
`,
  );
  const made = [
    await bench.run("zoo", "vgg16", "--resolution", "32", "--width", "0.0625", "-o", model),
    await bench.run("profile", model, "--level", "basic", "-o", profile),
  ];
  bench.write(profile, withEqualTimes(readFileSync(bench.path(profile), "utf8")));
  made.push(await bench.run("plan", profile, "-t", topology, "--tiles", "-o", plan));
  expect(made.map(({ code, errors }) => ({ code, errors }))).toEqual(
    made.map(() => ({ code: 0, errors: "" })),
  );
});

afterAll(() => bench.remove());

test("a plan with tiles is verified: split, cut and put together it answers as the whole model", async () => {
  const { stages } = json(plan) as Plan;
  expect(stages.filter(({ tiles = [] }) => tiles.length === 3).length).toBeGreaterThan(0);
  const { output, code } = await bench.run("verify", model, "--plan", plan, "--seeds", "1");
  expect(code, output).toBe(0);
});

test("the manifest of split tiles says which rows and columns each of them reads and makes", async () => {
  const { code, errors } = await bench.run("split", model, "--plan", plan, "-o", "parts");
  expect([code, errors]).toEqual([0, ""]);
  const { stages } = json("parts/manifest.json") as {
    stages: { id: string; device: string; inputs: { region?: number[][] }[] }[];
  };
  const tiles = stages.filter(({ inputs }) => inputs.some(({ region }) => region !== undefined));
  expect(new Set(tiles.map(({ device }) => device)).size).toBe(3);
  expect(new Set(stages.map(({ id }) => id)).size).toBe(stages.length);
});

test("a plan with tiles is simulated, and runs", async () => {
  const asked = ["--plan", plan, "--requests", "60", "--json"];
  const simulated = await bench.run("simulate", topology, profile, ...asked);
  expect([simulated.code, simulated.errors]).toEqual([0, ""]);
  expect(JSON.parse(simulated.output)).toMatchObject({ requests: { answered: 60, lost: 0 } });
  const words = ["--plan", plan, "--full-speed", "--seeds", "3"];
  const { output, errors, code } = await bench.run("run", topology, model, ...words, "--json");
  expect([code, errors]).toEqual([0, ""]);
  const { requests } = JSON.parse(output) as {
    requests: { timings: { stages: { device: string }[] } }[];
  };
  const devices = requests.map(({ timings }) => new Set(timings.stages.map((one) => one.device)));
  expect(devices.map(({ size }) => size)).toEqual([3, 3, 3]);
});
