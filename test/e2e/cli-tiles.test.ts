import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTopology } from "../../src/cost/topology-file.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import { zoo } from "../../src/zoo/zoo.ts";
import { equalTimes, sharedPlan } from "../fixtures/shared-plan.ts";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
const topology = "three.topology.yaml";
const model = "resnet.onnx";
const profile = "resnet.profile.json";
const plan = "resnet.plan.json";

const json = (name: string) => JSON.parse(readFileSync(bench.path(name), "utf8"));

beforeAll(async () => {
  const topologyText = `
format: partita.topology/1
devices: [{ name: camera }, { name: left }, { name: right }]
links:
  - { between: [camera, left], bandwidth: 10 Gbit/s }
  - { between: [camera, right], bandwidth: 10 Gbit/s }
  - { between: [left, right], bandwidth: 10 Gbit/s }
source: camera
`;
  bench.write(topology, topologyText);
  const built = zoo.resnet18.build({ width: 0.125, resolution: 32, classes: 10 });
  await writeOnnxFile(bench.path(model), built);
  const { graph } = await prepareGraph(built, { level: "basic", shapes: {} });
  const ends = ["layer1.0.relu", "layer1.1.relu"];
  bench.write(profile, JSON.stringify(equalTimes(graph)));
  const made = sharedPlan(graph, readTopology(topologyText), ends);
  bench.write(plan, JSON.stringify({ ...made, level: "basic", threads: 1 }));
});

afterAll(() => bench.remove());

test("a plan with tiles is verified: split, cut and put together it answers as the whole model", async () => {
  const { output, code } = await bench.call("verify", model, "--plan", plan, "--seeds", "1");
  expect(code, output).toBe(0);
  expect(output).toContain("3 stages in 7 parts");
});

test("the manifest of split tiles says which rows and columns each of them reads and makes", async () => {
  const { code, errors } = await bench.call("split", model, "--plan", plan, "-o", "parts");
  expect([code, errors]).toEqual([0, ""]);
  const { stages } = json("parts/manifest.json") as {
    stages: { id: string; device: string; inputs: { region?: number[][] }[] }[];
  };
  const tiles = stages.filter(({ inputs }) => inputs.some(({ region }) => region !== undefined));
  expect(new Set(tiles.map(({ device }) => device)).size).toBe(3);
  expect(new Set(stages.map(({ id }) => id)).size).toBe(stages.length);
});

test("tiles of a graph whose tensors hold channels in blocks are refused, with what to do", async () => {
  const blocked = "blocked.profile.json";
  const text = readFileSync(bench.path(profile), "utf8");
  bench.write(blocked, text.replace('"Conv"', '"com.microsoft.nchwc:Conv"'));
  const asked = await bench.call("plan", blocked, "-t", topology, "--tiles");
  expect(asked.errors).toMatch(/USAGE_INVALID.*--level extended, or leave out --tiles/s);
  expect(asked.code).not.toBe(0);
});

/** Two convolutions with 256 KiB between them, which read and make 16 KiB. */
function largePicture(): OnnxModel {
  const builder = createBuilder({ name: "large" });
  const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const x = builder.input("x", "float32", [1, 1, 64, 64]);
  const [wide, narrow] = [
    builder.weight("wide", [16, 1, 3, 3], new Float32Array(144)),
    builder.weight("narrow", [1, 16, 3, 3], new Float32Array(144)),
  ];
  const between = builder.node("Conv", [x, wide], { output: "a", attributes });
  const made = builder.node("Conv", [between, narrow], { output: "b", attributes });
  builder.output(made, "float32", [1, 1, 64, 64]);
  return builder.build();
}

test("a plan with tiles is simulated, and runs", async () => {
  const asked = ["--plan", plan, "--requests", "60", "--json"];
  const simulated = await bench.call("simulate", topology, profile, ...asked);
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

test("with --max-memory a device runs whole what fits, tile by tile what else does not, and refuses the rest with its bytes", async () => {
  const { graph } = await prepareGraph(largePicture(), { level: "basic", shapes: {} });
  const large = "large.profile.json";
  bench.write(large, JSON.stringify(equalTimes(graph)));
  const one = "one.topology.yaml";
  bench.write(
    one,
    "{ format: partita.topology/1, devices: [{ name: board }], links: [], source: board }",
  );
  const ask = (...more: string[]) => bench.call("plan", large, "-t", one, "--json", ...more);
  const { stages } = JSON.parse((await ask("--max-memory", "400 kB")).output) as Plan;
  expect(stages.map(({ tiles }) => tiles)).toEqual([undefined]);
  const words = ["--max-memory", "200 kB", "--svg", "plan.svg", "-o", "board.plan.json"];
  expect(await ask(...words)).toMatchObject({ code: 0, errors: "" });
  const tight = json("board.plan.json") as Plan;
  expect(tight.claimed.memoryBytes["board"]).toBeLessThanOrEqual(200_000);
  const tiles = tight.stages.flatMap((stage) => stage.tiles ?? []);
  expect(tiles.length).toBeGreaterThan(1);
  expect(new Set(tiles.map(({ device }) => device))).toEqual(new Set(["board"]));
  expect(readFileSync(bench.path("plan.svg"), "utf8")).toContain("several tiles read it");
  const explained = await bench.call("explain", "board.plan.json", "--profile", large, "-t", one);
  expect(explained).toMatchObject({ code: 0, errors: "" });
  const refused = await ask("--max-memory", "1 kB");
  expect(refused.code).not.toBe(0);
  expect(JSON.parse(refused.output)).toMatchObject({
    type: "infeasible",
    witness: { device: "board", memoryBytes: 1000, neededBytes: expect.any(Number) },
  });
});
