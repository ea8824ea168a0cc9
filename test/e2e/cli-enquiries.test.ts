import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "../../src/cli/doctor/check.ts";
import type { Reach } from "../../src/cli/doctor/reach.ts";
import { modelSha256 } from "../../src/cli/model-hash.ts";
import { prepareModel } from "../../src/cli/prepare.ts";
import { mergeProfiles, type Profile, readProfile } from "../../src/cost/profile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { encodeOnnx } from "../../src/onnx/write.ts";
import { fewNodes } from "../fixtures/few-nodes.ts";
import { Workbench, withEqualTimes } from "./partita.ts";

const bench = new Workbench();
const running: ChildProcess[] = [];
const model = "small.onnx";

const topology = `
format: partita.topology/1
devices:
  - { name: camera, tier: device }
  - { name: cloud,  tier: cloud }
links:
  - { between: [camera, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
sink: cloud
`;

/** Starts what stays, and resolves with the first line of that kind. */
async function start(words: readonly string[], what: RegExp): Promise<string> {
  const child = bench.start(...words);
  running.push(child);
  const said: string[] = [];
  return await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (what.test(line)) resolve(line);
      });
    }
    child.once("close", () => reject(new Error(`it ended and said:\n${said.join("\n")}`)));
  });
}

let to = "";
let token: readonly string[] = [];

function startAgent(name: string): Promise<string> {
  return start(["agent", "--join", to, ...token, "--name", name], /: joined /);
}

const network = fewNodes();
let graph: Graph;

beforeAll(async () => {
  bench.write("home.topology.yaml", topology);
  bench.write(model, encodeOnnx(network));
  const prepared = await prepareModel(network, "extended", {});
  graph = { ...prepared.graph, name: "small" };
  const profile = { format: "partita.profile/1", graph, devices: {} };
  bench.write("model.profile.json", withEqualTimes(JSON.stringify(profile)));
  const planning = [
    "--profile",
    "model.profile.json",
    "--listen",
    "127.0.0.1:0",
    "--tls",
    "--json",
  ];
  const words = ["coordinator", "home.topology.yaml", model, ...planning];
  const said = JSON.parse(await start(words, /"listening"/));
  to = said.address;
  token = ["--token", said.token];
  await startAgent("camera");
});

afterAll(async () => {
  const ends = running.map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ends);
  bench.remove();
});

test("measures a model on a device that has joined, such that plans can be made with it", async () => {
  const file = "camera.profile.json";
  const words = ["profile", model, "-o", file, "--no-codecs", "--on", "camera", "--to", to];
  expect(await bench.run(...words, ...token)).toMatchObject({ code: 0, errors: "" });
  const [found, own] = [file, "model.profile.json"].map((name) =>
    readProfile(readFileSync(bench.path(name), "utf8"), name),
  ) as [Profile, Profile];
  expect(found.graph).toEqual(graph);
  expect(found.source?.modelSha256).toBe(modelSha256(network));
  expect(found.devices["camera"]?.benchmarkSeconds).toBeGreaterThan(0);
  expect(found.devices["camera"]?.nodeSeconds).toHaveLength(graph.nodes.length);
  const merged = mergeProfiles([own, found]);
  expect(Object.keys(merged.devices)).toEqual(["this-machine", "camera"]);
});

test("the doctor sees over TLS who is there, and who reaches whom", async () => {
  await startAgent("cloud");
  const { output } = await bench.run("doctor", "--join", to, ...token, "--json");
  const { checks, reached } = JSON.parse(output) as {
    readonly checks: readonly Check[];
    readonly reached: readonly Reach[];
  };
  expect(Object.fromEntries(checks.map(({ name, state }) => [name, state]))).toMatchObject({
    encryption: "ok",
    "clock skew": "ok",
    "device camera": "ok",
    "device cloud": "ok",
  });
  expect(reached.map(({ from, to: other, way }) => [from, other, way])).toEqual([
    ["camera", "cloud", "direct"],
    ["cloud", "camera", "direct"],
  ]);
});
