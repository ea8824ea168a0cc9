import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "../../src/cli/doctor/check.ts";
import type { Reach } from "../../src/cli/doctor/reach.ts";
import { readProfile } from "../../src/cost/profile.ts";
import { Workbench, withEqualTimes } from "./partita.ts";

const bench = new Workbench();
const running: ChildProcess[] = [];
const model = "zoo:squeezenet?resolution=32&width=0.25";

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

let to: readonly string[] = [];
let token: readonly string[] = [];

function startAgent(name: string): Promise<string> {
  const [, address = ""] = to;
  return start(["agent", "--join", address, ...token, "--name", name], /: joined /);
}

beforeAll(async () => {
  bench.write("home.topology.yaml", topology);
  const own = ["profile", model, "-o", "measured.json", "--no-codecs"];
  expect((await bench.run(...own)).code).toBe(0);
  const measured = readFileSync(bench.path("measured.json"), "utf8");
  bench.write("model.profile.json", withEqualTimes(measured));
  const planning = [
    "--profile",
    "model.profile.json",
    "--listen",
    "127.0.0.1:0",
    "--tls",
    "--json",
  ];
  const line = await start(
    ["coordinator", "home.topology.yaml", model, ...planning],
    /"listening"/,
  );
  const said = JSON.parse(line) as { readonly address: string; readonly token: string };
  to = ["--to", said.address];
  token = ["--token", said.token];
  await startAgent("camera");
}, 60_000);

afterAll(async () => {
  const ends = running.map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ends);
  bench.remove();
});

test("measures a model on a device that has joined, for plans with it", async () => {
  const file = "camera.profile.json";
  const words = ["profile", model, "-o", file, "--no-codecs", "--on", "camera", ...to, ...token];
  expect(await bench.run(...words)).toMatchObject({ code: 0, errors: "" });
  const [found, own] = [file, "measured.json"].map((name) =>
    readProfile(readFileSync(bench.path(name), "utf8"), name),
  );
  expect(found?.graph).toEqual(own?.graph);
  expect(Object.keys(found?.devices ?? {})).toEqual(["camera"]);
  expect(found?.devices["camera"]?.benchmarkSeconds).toBeGreaterThan(0);
  expect(found?.devices["camera"]?.nodeSeconds.every((taken) => taken !== null)).toBe(true);
  bench.write(
    "both.topology.yaml",
    topology
      .replace("tier: device", "tier: device, profile: camera")
      .replace("tier: cloud", "tier: cloud, profile: this-machine"),
  );
  const both = ["--profile", "model.profile.json", "--profile", file];
  const planned = await bench.run("plan", model, ...both, "-t", "both.topology.yaml");
  expect(planned).toMatchObject({ code: 0, errors: "" });
});

test("says why a device does not measure", async () => {
  const words = ["profile", model, "-o", "cloud.profile.json", ...to, ...token, "--json"];
  const away = await bench.run(...words, "--on", "cloud");
  expect(away.code).toBe(75);
  expect(JSON.parse(away.errors).error.code).toBe("DEVICE_LOST");
  expect((await bench.run("profile", model, "-o", "x.profile.json", ...to)).code).toBe(64);
});

test("the doctor sees over TLS which device is away, then who reaches whom", async () => {
  const [, address = ""] = to;
  const look = async () => {
    const { output } = await bench.run("doctor", "--join", address, ...token, "--json");
    const { checks, reached } = JSON.parse(output) as {
      readonly checks: readonly Check[];
      readonly reached: readonly Reach[];
    };
    return { states: Object.fromEntries(checks.map(({ name, state }) => [name, state])), reached };
  };
  expect((await look()).states).toMatchObject({
    encryption: "ok",
    "clock skew": "ok",
    "device camera": "ok",
    "device cloud": "failed",
  });
  await startAgent("cloud");
  const { states, reached } = await look();
  expect(states).toMatchObject({ "device camera": "ok", "device cloud": "ok" });
  expect(reached.map(({ from, to: other, way }) => [from, other, way])).toEqual([
    ["camera", "cloud", "direct"],
    ["cloud", "camera", "direct"],
  ]);
});
