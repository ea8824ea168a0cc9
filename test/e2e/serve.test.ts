import { beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { seconds } from "../../src/base/units.ts";
import type { ClusterStatus } from "../../src/cluster/status.ts";
import { equalProfile } from "./equal-profile.ts";
import { Workbench } from "./partita.ts";
import { questionOf, ServingProcess } from "./serving-process.ts";

const topology = `format: partita.topology/1
devices:
  - { name: camera, memory: 16 KiB }
  - { name: gateway }
  - { name: cloud, speed: 4 }
links:
  - { between: [camera, gateway], bandwidth: 1 Gbit/s, latency: 1 ms }
  - { between: [camera, cloud], bandwidth: 1 Gbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: 1 Gbit/s, latency: 1 ms }
source: camera
`;
const networks = {
  first: "zoo:squeezenet?resolution=32&width=0.125&classes=10",
  second: "zoo:alexnet?resolution=64&width=0.125&classes=10",
};
/** The camera has memory for one of the models, each with a runtime of its own. */
const overheadBytes = 32 * 2 ** 20;
const profiles = new Map<string, string>();

beforeAll(async () => {
  for (const [name, network] of Object.entries(networks)) {
    const profile = JSON.parse((await equalProfile(network)).text);
    profile.devices["this-machine"].overheadBytes = overheadBytes;
    profiles.set(`${name}.profile.json`, JSON.stringify(profile));
  }
});

async function start(workbench: Workbench, ...words: string[]) {
  workbench.write("home.topology.yaml", topology);
  for (const [file, profile] of profiles) workbench.write(file, profile);
  const models = Object.entries(networks).map(([name, network]) => `${name}=${network}`);
  const measured = [...profiles.keys()].flatMap((file) => ["--profile", file]);
  const doors = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--no-codecs", "--json"];
  const planning = [...measured, ...doors, ...words];
  const server = new ServingProcess(
    workbench.start("serve", "home.topology.yaml", ...models, ...planning),
  );
  onTestFinished(async () => {
    server.child.kill("SIGTERM");
    await server.ended();
    workbench.remove();
  });
  const { http, address, token } = await server.hear(({ type }) => type === "listening");
  const post = (path: string, body: unknown = {}): Promise<Response> =>
    fetch(`${http}/v2/${path}`, { method: "POST", body: JSON.stringify(body) });
  return { server, http, address, token, post };
}

test("two models answer alike while one comes and goes and a device is killed that runs a part of both", {
  timeout: 240_000,
}, async () => {
  const workbench = new Workbench();
  const { server, http, address, token, post } = await start(
    workbench,
    ...["--listen", "127.0.0.1:0", "--no-adapt"],
  );
  const agents = new Map(
    ["camera", "gateway", "cloud"].map((name) => {
      const words = ["--join", address, "--name", name, "--token", token, "--local", "--quiet"];
      const agent = workbench.start("agent", ...words);
      onTestFinished(() => void agent.kill("SIGKILL"));
      return [name, agent];
    }),
  );
  const served = (model: string) =>
    server.hear((line) => line.type === "serving" && line.model === model);
  const isReady = async () => (await fetch(`${http}/v2/health/ready`)).status === 200;
  await server.hear(({ type }) => type === "serving");
  while (!(await isReady())) await systemClock.sleep(seconds(0.05));
  const ask = async (model: string, question: unknown): Promise<string> => {
    const answer = await post(`models/${model}/infer`, question);
    const body = await answer.text();
    expect([answer.status, body]).toEqual([200, expect.stringContaining("outputs")]);
    return JSON.stringify(JSON.parse(body).outputs);
  };
  const [one, other] = [await questionOf(http, "first"), await questionOf(http, "second")];
  const expected = await ask("second", other);
  const expectedFirst = await ask("first", one);

  // Somebody asks all the time.
  const answers = new Set<string>();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) answers.add(await ask("second", other));
  })();
  expect((await post("repository/models/first/unload")).status).toBe(200);
  expect((await post("models/first/infer", one)).status).toBe(503);
  expect((await post("repository/models/first/load")).status).toBe(200);
  await served("first");
  expect(await ask("first", one)).toBe(expectedFirst);
  const devicesOf = async (): Promise<Record<string, readonly string[]>> => {
    const to = ["--to", address, "--token", token];
    const { output } = await workbench.run("status", ...to, "--json", "--once");
    const { models } = JSON.parse(output) as { models: readonly ClusterStatus[] };
    return Object.fromEntries(
      models.map(({ model, generations, serving }) => {
        const { stages = [] } = generations.find((one) => one.generation === serving) ?? {};
        return [model, stages.map(({ device }) => device)];
      }),
    );
  };
  // Both have a stage there, since the camera has no room for either and the cloud is faster.
  const onCloud = expect.arrayContaining(["cloud"]);
  expect(await devicesOf()).toEqual({ first: onCloud, second: onCloud });
  agents.get("cloud")?.kill("SIGKILL");
  await server.hear(({ type }) => type === "left");
  expect(await ask("first", one)).toBe(expectedFirst);
  expect(await ask("second", other)).toBe(expected);
  isOver = true;
  await asking;
  expect([...answers]).toEqual([expected]);
  const onGateway = expect.arrayContaining(["gateway"]);
  expect(await devicesOf()).toEqual({ first: onGateway, second: onGateway });

  const through = ["--to", address, "--token", token, "--seeds", "1", "--json"];
  const { output } = await workbench.run("run", ...through, "--model", "second");
  expect(JSON.parse(output).model).toBe("second");
  const unknown = await workbench.run("run", ...through, "--model", "third");
  expect(unknown.errors).toContain("MODEL_UNKNOWN");

  server.child.kill("SIGTERM");
  expect(await server.ended()).toBe(0);
  // Agents are told to end, too.
  const camera = agents.get("camera");
  if (camera?.exitCode === null) await new Promise((resolve) => camera.once("exit", resolve));
  expect(camera?.exitCode).toBe(0);
});

test("a model that finds no place keeps none of the others from being served", {
  timeout: 120_000,
}, async () => {
  const workbench = new Workbench();
  const { server, http, post } = await start(
    workbench,
    ...["--local", "--full-speed", "--rate", "first=1000000/s"],
  );
  await server.hear((line) => line.type === "serving" && line.model === "second");
  const index = (await (await post("repository/index")).json()) as {
    name: string;
    state: string;
    reason: string;
  }[];
  expect(index).toMatchObject([
    { name: "first", state: "UNAVAILABLE", reason: expect.stringContaining("no place") },
    { name: "second" },
  ]);
  const refused = await post("repository/models/first/load");
  expect([refused.status, await refused.text()]).toEqual([
    422,
    expect.stringContaining("PLAN_INFEASIBLE"),
  ]);
  while ((await fetch(`${http}/v2/models/second/ready`)).status !== 200) {
    await systemClock.sleep(seconds(0.05));
  }
});

test("says what is wrong with how it is called", async () => {
  const workbench = new Workbench();
  onTestFinished(() => workbench.remove());
  workbench.write("home.topology.yaml", topology);
  for (const words of [
    ["a.onnx"],
    ["a.onnx", "A.onnx", "--local"],
    ["a.onnx", "--local", "--as", "camera"],
    ["a.onnx", "--local", "--listen", "0.0.0.0:0"],
    ["a.onnx", "b.onnx", "--local", "--objective", "throughput"],
    ["a.onnx", "b.onnx", "--listen", "127.0.0.1:7000", "--nats", "nats://127.0.0.1"],
    ["a.onnx", "--local", "--nats", "nats://127.0.0.1"],
  ]) {
    const { code, errors } = await workbench.call("serve", "home.topology.yaml", ...words);
    expect([code, errors]).toEqual([64, expect.stringContaining("USAGE_INVALID")]);
  }
});
