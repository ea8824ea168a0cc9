/**
 * A plan on device processes of this machine, and in this process the coordinator, a client of the
 * cluster and servers for HTTP and gRPC in front of that client.
 *
 * @module
 */
import { systemClock } from "../../dist/base/clock.node.js";
import { createRandom } from "../../dist/base/random.js";
import { startFleet } from "../../dist/cli/fleet.js";
import { type Client, connectClient } from "../../dist/cluster/client.js";
import type { Topology } from "../../dist/cost/topology.js";
import type { Plan } from "../../dist/plan/plan.js";
import { createOnnxRuntime } from "../../dist/runtime/onnxruntime.node.js";
import type { PreparedGraph } from "../../dist/runtime/prepare.node.js";
import type { TensorValues } from "../../dist/runtime/runtime.js";
import { startGrpcServer } from "../../dist/server/grpc/grpc-server.node.js";
import { LoadedModels } from "../../dist/server/loaded-models.js";
import { startHttpServer } from "../../dist/server/oip/http-server.node.js";
import { InferenceService } from "../../dist/server/oip/inference-service.js";
import { tcpTransport } from "../../dist/transport/tcp.node.js";
import { type Asked, type Asker, overGrpc, overHttp } from "./asking.js";

/** What is asked of models with an input of 3 x 224 x 224 float32. */
const inputShape: readonly number[] = [1, 3, 224, 224];

/** A request and the bytes that its answer must have. */
export interface Question {
  readonly input: Uint8Array;
  readonly inputs: TensorValues;
  readonly expected: Uint8Array;
}

export interface Setting extends AsyncDisposable {
  readonly client: Client;
  readonly http: Asker;
  readonly grpc: Asker;
  readonly questions: readonly Question[];
}

export interface SettingOptions {
  readonly prepared: PreparedGraph;
  readonly topology: Topology;
  readonly plan: Plan;
  readonly emulate: boolean;
}

const model = "bench";

export async function startSetting(options: SettingOptions): Promise<Setting> {
  const { prepared } = options;
  const fleet = await startFleet({ ...options, signal: new AbortController().signal });
  const client = await connectClient({
    transport: tcpTransport,
    clock: systemClock,
    address: fleet.coordinator.address,
    token: fleet.token,
  });
  const { inputs, outputs } = client;
  const infer: Client["infer"] = (values, terms) => client.infer(values, terms);
  const service = new InferenceService({
    repository: new LoadedModels([
      { name: model, version: "1", maxBatch: 1, inputs, outputs, infer },
    ]),
    observers: [],
    clock: systemClock,
    calendar: () => Date.now(),
  });
  const where = { host: "127.0.0.1", port: 0, version: "1", service };
  const httpServer = await startHttpServer(where);
  const grpcServer = await startGrpcServer(where);
  const asked: Asked = { model, input: inputs[0]?.name ?? "", shape: inputShape };
  const http = overHttp(httpServer.url, asked);
  const grpc = overGrpc(grpcServer.address, asked);
  const opened: readonly AsyncDisposable[] = [http, grpc, httpServer, grpcServer, client, fleet];
  return {
    ...{ client, http, grpc },
    questions: await makeQuestions(prepared, asked.input),
    [Symbol.asyncDispose]: async () => {
      for (const one of opened) await one[Symbol.asyncDispose]();
    },
  };
}

/** @throws if the answer has other bits than the whole model's */
export function requireRight({ expected }: Question, answer: Uint8Array | undefined): void {
  if (answer !== undefined && Buffer.compare(answer, expected) === 0) return;
  throw new Error("an answer has other bits than the whole model's");
}

async function makeQuestions(prepared: PreparedGraph, input: string): Promise<Question[]> {
  const whole = await createOnnxRuntime().load(prepared.model, { threads: 1 });
  const random = createRandom(3);
  const questions: Question[] = [];
  const length = inputShape.reduce((product, size) => product * size, 1);
  for (let one = 0; one < 4; one++) {
    const values = Float32Array.from({ length }, () => random.next());
    const data = new Uint8Array(values.buffer);
    const value = { dataType: "float32", shape: inputShape, data } as const;
    // A run takes its inputs' buffers away.
    const { outputs } = await whole.run({ [input]: { ...value, data: data.slice() } });
    const [expected] = Object.values(outputs);
    if (expected === undefined) throw new Error("the model has no output");
    questions.push({ input: data, inputs: { [input]: value }, expected: expected.data });
  }
  await whole.release();
  return questions;
}
