import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { seconds } from "../../src/base/units.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { GRPCInferenceService } from "../../src/server/grpc/generated/inference_pb.ts";
import { buildZoo } from "../../src/zoo/zoo.ts";
import { grpcClient } from "../fixtures/grpc-client.ts";
import { startGrpc } from "../fixtures/grpc-setting.ts";
import { startOip } from "../fixtures/oip-server.ts";
import { passingModel, passOn, servedModel, serveModel } from "../fixtures/served-models.ts";
import { equalProfile } from "./equal-profile.ts";
import { Workbench } from "./partita.ts";
import { ServingProcess } from "./serving-process.ts";

const topology = "examples/clients/two-machines.topology.yaml";
const network = "zoo:squeezenet?resolution=64";
const picture = {
  dataType: "float32",
  shape: [1, 3, 64, 64],
  data: new Uint8Array(new Float32Array(3 * 64 * 64).fill(0.5).buffer),
} as const;

const workbench = new Workbench();
let server: ServingProcess;
/** Where it answers. */
let http: string;
let grpc: string;
/** What every client is to say. */
let answer: string;

beforeAll(async () => {
  const readme = readFileSync("examples/clients/README.md", "utf8");
  expect(readme).toContain(`npx partita serve ${topology} '${network}' --local\n`);
  const words = ["serve", resolve(topology), network, "--local"];
  words.push(
    "--profile",
    workbench.write("model.profile.json", (await equalProfile(network)).text),
  );
  const doors = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--json"];
  server = new ServingProcess(workbench.start(...words, ...doors));
  const model = await serveModel(
    buildZoo("squeezenet", { resolution: 64 }),
    "squeezenet",
    createOnnxRuntime(),
  );
  const { outputs } = await model.infer({ input: picture });
  const values = new Float32Array(Uint8Array.from(outputs["flatten_output"]?.data ?? []).buffer);
  answer = `flatten_output [1, 1000] best class ${values.indexOf(Math.max(...values))}\n`;
  ({ http, grpc } = await server.hear(({ type }) => type === "listening"));
  await server.hear(({ type }) => type === "serving");
  while ((await fetch(`${http}/v2/health/ready`)).status !== 200) {
    await systemClock.sleep(seconds(0.05));
  }
});

afterAll(async () => {
  server.child.kill("SIGTERM");
  await server.ended();
  workbench.remove();
});

/** What a client writes; it fails if the client does. */
async function run(program: string, file: string, address: string): Promise<string> {
  return (await promisify(execFile)(program, [`examples/clients/${file}`, address])).stdout;
}

/** With which status a client ends, and what it complains of. */
function outcome(program: string, file: string, address: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, [`examples/clients/${file}`, address], (error, _, stderr) =>
      resolve(`${error?.code ?? 0} ${stderr}`),
    );
  });
}

test("curl asks as JSON and in binary, and gets all values of the answer", async () => {
  const [json = "", header = "", bytes = ""] = (await run("sh", "ask-curl.sh", http)).split("\n");
  expect(json).toMatch(/^\{.*"name":"flatten_output".*"data":\[.* \.\.\.$/);
  const [output] = JSON.parse(header).outputs;
  expect(output).toMatchObject({ shape: [1, 1000], parameters: { binary_data_size: 4000 } });
  expect(Number(bytes)).toBe(4000);
});

const clients: [string, string, () => string][] = [
  ["Python's own library", "ask-http.py", () => http],
  ["Node's fetch", "ask-http.mjs", () => http],
  ["gRPC's client for Node", "ask-grpc.mjs", () => grpc],
];
if (spawnSync("python3", ["-c", "import tritonclient.http"]).status === 0) {
  clients.push(["Triton's client", "ask-triton.py", () => new URL(http).host]);
} else {
  process.stderr.write("left out: examples/clients/ask-triton.py, for want of tritonclient\n");
}

test.each(clients)("%s gets the answer of the model itself", async (_, file, address) => {
  const program = file.endsWith(".py") ? "python3" : process.execPath;
  expect(await run(program, file, address())).toBe(answer);
});

test("each client says in a line why there is no answer: nobody there, no such model", async () => {
  const other = [servedModel("other", passingModel({}), passOn)];
  const { server: overHttp } = await startOip(other);
  const { server: overGrpc } = await startGrpc(other);
  const asked = [
    ["sh", "ask-curl.sh", overHttp.url],
    ["python3", "ask-http.py", overHttp.url],
    [process.execPath, "ask-http.mjs", overHttp.url],
    [process.execPath, "ask-grpc.mjs", overGrpc.address],
  ] as const;
  const outcomes = () =>
    Promise.all(asked.map(([program, file, address]) => outcome(program, file, address)));
  for (const said of await outcomes()) {
    expect(said).toMatch(/^1 (curl: .*\n)?.*MODEL_UNKNOWN: there is no model 'squeezenet'; .*\n$/);
  }
  await Promise.all([overHttp.close(), overGrpc.close()]);
  for (const said of await outcomes()) {
    expect(said).toMatch(/^1 .*127\.0\.0\.1.*(connect|refused).*\n$/i);
  }
});

test("the server says how often it was asked, and when last", async () => {
  await using client = grpcClient(grpc);
  const { message } = await client.call(GRPCInferenceService.method.modelStatistics, {});
  const [figures] = message.modelStats;
  // Curl asks twice, each of the others once.
  expect(figures).toMatchObject({ name: "squeezenet", inferenceCount: BigInt(clients.length + 2) });
  // In milliseconds: within the last hour.
  const last = Number(figures?.lastInference);
  expect([last > Date.now() - 3_600_000, last <= Date.now()]).toEqual([true, true]);
});
