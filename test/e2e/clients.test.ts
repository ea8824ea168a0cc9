import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import { type GrpcServer, startGrpcServer } from "../../src/server/grpc/grpc-server.node.ts";
import { LoadedModels } from "../../src/server/loaded-models.ts";
import { type HttpServer, startHttpServer } from "../../src/server/oip/http-server.node.ts";
import { InferenceService } from "../../src/server/oip/inference-service.ts";
import { buildZoo } from "../../src/zoo/zoo.ts";
import { serveModel } from "../fixtures/served-models.ts";

const name = "squeezenet";
/** As examples/clients/README.md names it. */
const network = buildZoo(name, { resolution: 64 });
const picture = {
  dataType: "float32",
  shape: [1, 3, 64, 64],
  data: new Uint8Array(new Float32Array(3 * 64 * 64).fill(0.5).buffer),
} as const;

let server: HttpServer;
let grpc: GrpcServer;
/** What every client is to say. */
let answer: string;

beforeAll(async () => {
  const model = await serveModel(network, name, createOnnxRuntime());
  const { outputs } = await model.infer({ input: picture });
  const values = new Float32Array(Uint8Array.from(outputs["flatten_output"]?.data ?? []).buffer);
  answer = `flatten_output [1, 1000] best class ${values.indexOf(Math.max(...values))}\n`;
  const service = new InferenceService({
    repository: new LoadedModels([model]),
    observers: [],
    clock: systemClock,
    calendar: Date.now,
  });
  const listening = { host: "127.0.0.1", port: 0, version: "0", service };
  server = await startHttpServer(listening);
  grpc = await startGrpcServer(listening);
});

afterAll(() => Promise.all([server.close(), grpc.close()]));

/** What a client writes; it fails if the client does. */
async function run(program: string, file: string, address: string): Promise<string> {
  return (await promisify(execFile)(program, [`examples/clients/${file}`, address])).stdout;
}

test("curl asks as JSON and in binary, and gets all values of the answer", async () => {
  const [json = "", header = "", bytes = ""] = (await run("sh", "ask-curl.sh", server.url)).split(
    "\n",
  );
  expect(json).toMatch(/^\{.*"name":"flatten_output".*"data":\[.* \.\.\.$/);
  const [output] = JSON.parse(header).outputs;
  expect(output).toMatchObject({ shape: [1, 1000], parameters: { binary_data_size: 4000 } });
  expect(Number(bytes)).toBe(4000);
});

const clients: [string, string, () => string][] = [
  ["Python's own library", "ask-http.py", () => server.url],
  ["Node's fetch", "ask-http.mjs", () => server.url],
  ["gRPC's client for Node", "ask-grpc.mjs", () => grpc.address],
];
if (spawnSync("python3", ["-c", "import tritonclient.http"]).status === 0) {
  clients.push(["Triton's client", "ask-triton.py", () => new URL(server.url).host]);
} else {
  process.stderr.write("left out: examples/clients/ask-triton.py, for want of tritonclient\n");
}

test.each(clients)("%s gets the answer of the model itself", async (_, file, address) => {
  const program = file.endsWith(".py") ? "python3" : process.execPath;
  expect(await run(program, file, address())).toBe(answer);
});
