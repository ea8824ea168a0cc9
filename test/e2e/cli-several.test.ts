import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chainModel } from "../fixtures/chain-model.ts";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
const rates = ["--rate", "faces=5/s", "--rate", "cars=2/s"];
const plans = ["--plan", "faces=plans/faces.plan.json", "--plan", "cars=plans/cars.plan.json"];

/** The cloud has memory for one of the models; 10 ms for a tensor there and back. */
const topology = `
format: partita.topology/1
devices: [{ name: camera }, { name: cloud, speed: 5, memoryBytes: 30000 }]
links: [{ between: [camera, cloud], bandwidth: 8 Mbit/s }]
source: camera
`;

beforeAll(async () => {
  bench.write("home.topology.yaml", topology);
  const options = { bytes: 10_000, parameterBytes: 4000 };
  bench.write("faces.profile.json", JSON.stringify(chainModel("one", [0.04, 0.06], options)));
  bench.write("cars.profile.json", JSON.stringify(chainModel("two", [0.09], options)));
  expect(await plan(...rates, "-o", "plans")).toMatchObject({ code: 0, errors: "" });
});

afterAll(() => bench.remove());

const models = ["faces.profile.json", "cars.profile.json"];
const plan = (...words: string[]) =>
  bench.call("plan", ...models, "-t", "home.topology.yaml", ...words);
const simulate = (...words: string[]) =>
  bench.call("simulate", "home.topology.yaml", ...models, ...words);
const read = (name: string) => JSON.parse(readFileSync(bench.path(name), "utf8"));

test("models are placed in the best of all orders, and the answer says who takes what", async () => {
  const words = [...models, "-t", "home.topology.yaml", ...rates];
  const { code, output } = await bench.run("plan", ...words);
  expect(code).toBe(0);
  expect(output).toMatch(/^All 2 models find a place; a request takes 54\.29 ms in the mean\.\n/);
  expect(output).toContain("placed in order   faces, cars (the best of 2 orders tried)");
  expect(output).toMatch(/faces +5 \/s +40 ms +50 \/s +cloud \(2\)/);
  expect(output).toMatch(/cars +2 \/s +90 ms +11\.11 \/s +camera \(1\)/);
  expect(output).toMatch(/cloud +10\.0 % +█{2}·{18} +28 kB of 30 kB/);
  expect(output).toMatch(/camera → cloud +5\.0 %/);
  expect(output).toMatch(/cars, faces +82\.29 ms/);
});

test("each plan's file says what the models before it had taken, and is explained so", async () => {
  expect(read("plans/faces.plan.json").reserved).toEqual({ models: [], devices: {}, links: [] });
  expect(read("plans/cars.plan.json").reserved).toMatchObject({
    models: [{ name: "faces", requestsPerSecond: 5 }],
    devices: { cloud: { utilisation: expect.closeTo(0.1, 9), memoryBytes: 28_000 } },
  });
  const words = ["-t", "home.topology.yaml", "--profile", "cars.profile.json"];
  const explained = await bench.call("explain", "plans/cars.plan.json", ...words);
  expect(explained).toMatchObject({ code: 0, errors: "" });
});

test("the JSON of several models has each plan, what is taken, and every order", async () => {
  const { code, output } = await plan(...rates, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject({
    meanLatencySeconds: expect.closeTo((5 * 0.04 + 2 * 0.09) / 7, 9),
    order: ["faces", "cars"],
    tried: [{ order: ["faces", "cars"] }, { order: ["cars", "faces"] }],
    models: [
      { name: "faces", requestsPerSecond: 5, plan: { format: "partita.plan/1" } },
      { name: "cars", latencySeconds: expect.closeTo(0.09, 9) },
    ],
    taken: { devices: { camera: { memoryBytes: 24_000 } } },
  });
});

test("models that find no place together end with 69, and with who, beside whom, and why", async () => {
  const { code, output } = await plan(
    "--rate",
    "faces=9/s",
    "--rate",
    "cars=9/s",
    "--max-memory",
    "30 kB",
  );
  expect(code).toBe(0);
  expect(output).toContain("All 2 models find a place");
  const refused = await plan("--rate", "faces=100/s", "--rate", "cars=9/s");
  expect(refused.code).toBe(69);
  expect(refused.output).toMatch(/^Not all models find a place:\n {2}'faces' at 100 \/s .*period/);
  const machine = await plan("--rate", "faces=100/s", "--rate", "cars=9/s", "--json");
  expect(JSON.parse(machine.output)).toMatchObject({
    type: "infeasible",
    witness: { model: "faces" },
  });
});

test("simulated together, their requests take about as long as reserved", async () => {
  const { code, output, errors } = await simulate(
    ...rates,
    ...plans,
    "--requests",
    "2000",
    "--json",
  );
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const found = JSON.parse(output);
  for (const { latencySeconds, reserved, requests } of found.models) {
    expect(latencySeconds.mean).toBeGreaterThan(0.95 * reserved.latencySeconds);
    expect(latencySeconds.mean).toBeLessThan(1.25 * reserved.latencySeconds);
    expect(latencySeconds.p99).toBeGreaterThan(latencySeconds.p50);
    expect(requests.measured).toBeLessThan(requests.sent);
  }
  for (const { busyShare, reservedShare } of found.servers) {
    expect(busyShare).toBeCloseTo(reservedShare, 1);
  }
  // Without plans it makes the same ones.
  const again = await simulate(...rates, "--requests", "2000");
  expect(again.output).toMatch(/^All \d+ requests were answered\.\n/);
  expect(again.output).toMatch(/faces +5 \/s +40 ms +\d+(\.\d+)? ms +\+?\d/);
});

test.each([
  [["--rate", "faces=5/s"], "--rate cars=5/s is missing"],
  [[...rates, "--objective", "throughput"], "--objective throughput is about one model"],
  [[...rates, "-o", "-"], "-o wants a folder"],
])("partita plan of two models with %j says what is wrong", async (words, message) => {
  const { code, errors } = await plan(...words);
  expect(code).toBe(64);
  expect(errors).toContain(message);
});

test.each([
  [["--plan", "faces=plans/faces.plan.json"], "--plan cars=FILE is missing"],
  [["--adapt"], "--adapt is about one model"],
])("partita simulate of two models with %j says what is wrong", async (words, message) => {
  const { code, errors } = await simulate(...rates, ...words);
  expect(code).toBe(64);
  expect(errors).toContain(message);
});

test("plans that were made at other rates are refused together", async () => {
  const other = ["--rate", "faces=6/s", "--rate", "cars=2/s"];
  const { code, errors } = await simulate(...other, ...plans);
  expect(code).toBe(65);
  expect(errors).toContain("was made beside 'faces' at 5 /s, which has 6 /s");
});

test("one model may be there twice, under a name of its own", async () => {
  const words = ["faces.profile.json", "-t", "home.topology.yaml", "--rate", "faces=1/s"];
  const named = await bench.call("plan", "door=faces.profile.json", ...words, "--rate", "door=1/s");
  expect(named).toMatchObject({ code: 0, errors: "" });
  expect(named.output).toMatch(/door +1 \/s/);
});
