// Asks over gRPC (npm install @grpc/grpc-js @grpc/proto-loader): node ask-grpc.mjs [127.0.0.1:8001]
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const proto = new URL("../../src/server/grpc/proto/inference.proto", import.meta.url);
const definition = loadSync(fileURLToPath(proto), { keepCase: true, longs: Number });
const { GRPCInferenceService } = loadPackageDefinition(definition).inference;
const server = process.argv[2] ?? "127.0.0.1:8001";
const client = new GRPCInferenceService(server, credentials.createInsecure());
const infer = promisify(client.ModelInfer.bind(client));

const answer = await infer({
  model_name: "squeezenet",
  inputs: [{ name: "input", shape: [1, 3, 64, 64], datatype: "FP32" }],
  raw_input_contents: [Buffer.from(new Float32Array(3 * 64 * 64).fill(0.5).buffer)],
}).catch(({ details }) => {
  console.error(`${server}: ${details}`);
  process.exit(1);
});
const [{ name, shape }] = answer.outputs;
const [bytes] = answer.raw_output_contents;
const values = new Float32Array(Uint8Array.from(bytes).buffer);
console.log(`${name} [${shape.join(", ")}] best class ${values.indexOf(Math.max(...values))}`);
client.close();
