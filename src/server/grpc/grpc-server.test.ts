import { compressionAlgorithms, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { grpcClient } from "../../../test/fixtures/grpc-client.ts";
import {
  failure,
  floats,
  inferOutcome,
  inferPath,
  passing,
  passingGraph,
  passingRequest,
  startGrpc,
} from "../../../test/fixtures/grpc-setting.ts";
import { passOn, servedModel } from "../../../test/fixtures/served-models.ts";
import { seconds } from "../../base/units.ts";
import type { Arrival, Departure, Observer } from "../observer.ts";
import { defaultLimits } from "../oip/limits.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "./generated/health_pb.ts";
import { DataType, GRPCInferenceService } from "./generated/inference_pb.ts";
import { startGrpcServer } from "./grpc-server.node.ts";

const { method } = GRPCInferenceService;

test("says what it is, what it serves, and what a model takes and gives", async () => {
  const { client } = await startGrpc();
  const { message: server } = await client.call(method.serverMetadata, {});
  expect(server).toMatchObject({ name: "partita", version: "1.2.3" });
  expect(server.extensions).toContain("statistics");
  expect((await client.call(method.serverLive, {})).message.live).toBe(true);
  expect((await client.call(method.serverReady, {})).message.ready).toBe(true);
  const { message: metadata } = await client.call(method.modelMetadata, { name: "passing" });
  expect(metadata).toMatchObject({
    name: "passing",
    versions: ["1"],
    inputs: [{ name: "x", datatype: "FP32", shape: [-1n, 2n] }],
    outputs: [{ name: "x_out", datatype: "FP32", shape: [-1n, 2n] }],
  });
  const { message: told } = await client.call(method.modelConfig, {
    name: "passing",
    version: "1",
  });
  expect(told.config).toMatchObject({
    name: "passing",
    maxBatchSize: 2 ** 23,
    input: [{ name: "x", dataType: DataType.TYPE_FP32, dims: [2n] }],
    output: [{ name: "x_out", dataType: DataType.TYPE_FP32 }],
  });
});

test("answers raw tensors with raw tensors, under the client's id", async () => {
  const { client } = await startGrpc();
  const asked = passingRequest({ id: "seven", outputs: [{ name: "x_out" }] });
  const { message } = await client.call(method.modelInfer, asked);
  expect(message).toMatchObject({
    modelName: "passing",
    modelVersion: "1",
    id: "seven",
    outputs: [{ name: "x_out", datatype: "FP32", shape: [1n, 2n] }],
    rawOutputContents: [floats(1, 2)],
  });
});

test("the same id does not make two requests one", async () => {
  const { client } = await startGrpc();
  const ask = (first: number) =>
    client.call(
      method.modelInfer,
      passingRequest({ id: "1", rawInputContents: [floats(first, 0)] }),
    );
  const answers = await Promise.all([ask(3), ask(4)]);
  expect(answers.map(({ message }) => message.rawOutputContents[0])).toEqual([
    floats(3, 0),
    floats(4, 0),
  ]);
});

test("an idempotency key and a deadline reach the model, and the earlier deadline counts", async () => {
  const seen: { id?: string | undefined; deadlineSeconds?: number | null | undefined }[] = [];
  const model = servedModel("passing", passingGraph, async (inputs, { id, deadlineSeconds }) => {
    seen.push({ id, deadlineSeconds });
    return passOn(inputs);
  });
  const { client } = await startGrpc([model]);
  await client.call(method.modelInfer, passingRequest(), { headers: { "idempotency-key": "k" } });
  await client.call(method.modelInfer, passingRequest(), { seconds: 60 });
  const timeout = { parameterChoice: { case: "int64Param", value: 2_000_000n } } as const;
  await client.call(method.modelInfer, passingRequest({ parameters: { timeout } }), {
    seconds: 60,
  });
  expect(seen[0]).toEqual({ id: "k", deadlineSeconds: null });
  expect(seen[1]?.deadlineSeconds).toBeGreaterThan(30);
  expect(seen[1]?.deadlineSeconds).toBeLessThanOrEqual(60);
  expect(seen[2]?.deadlineSeconds).toBe(2);
});

test("a call that its client gives up, or whose deadline passes, gives the request up", async () => {
  const reasons: unknown[] = [];
  let begin: () => void = () => undefined;
  const model = servedModel("slow", passingGraph, async (_, { signal }) => {
    begin();
    return await new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => {
        reasons.push((signal.reason as { readonly code: string }).code);
        reject(signal.reason);
      });
    });
  });
  const { client, service } = await startGrpc([model]);
  const begun = () =>
    new Promise<void>((resolve) => {
      begin = resolve;
    });
  const cancel = new AbortController();
  const first = begun();
  const cancelled = failure(
    client.call(method.modelInfer, passingRequest({ modelName: "slow" }), {
      signal: cancel.signal,
    }),
  );
  await first;
  cancel.abort();
  expect(await cancelled).toMatch(/^CANCELLED/);
  const late = client.call(method.modelInfer, passingRequest({ modelName: "slow" }), {
    seconds: 0.1,
  });
  expect(await failure(late)).toMatch(/^DEADLINE_EXCEEDED/);
  await service.drain(seconds(60));
  expect(reasons).toEqual(["CHANNEL_CLOSED", "CHANNEL_CLOSED"]);
});

test("every code becomes its status, with the code in front", async () => {
  const { client, repository } = await startGrpc();
  expect(await inferOutcome(client, { modelName: "nobody" })).toMatch(
    /^NOT_FOUND MODEL_UNKNOWN: there is no model 'nobody'/,
  );
  expect(await inferOutcome(client, { modelVersion: "2" })).toMatch(/^NOT_FOUND MODEL_UNKNOWN/);
  expect(await inferOutcome(client, { outputs: [{ name: "z" }] })).toMatch(
    /^INVALID_ARGUMENT TENSOR_UNKNOWN/,
  );
  expect(await inferOutcome(client, { rawInputContents: [floats(1)] })).toMatch(
    /^INVALID_ARGUMENT TENSOR_SHAPE_MISMATCH/,
  );
  const inputs = [{ name: "x", datatype: "INT32", shape: [1n, 2n] }];
  expect(await inferOutcome(client, { inputs })).toMatch(
    /TENSOR_TYPE_MISMATCH: input 'x' must be FP32, but INT32 was given/,
  );
  const twice = { outputs: [{ name: "x_out" }, { name: "x_out" }] };
  expect(await inferOutcome(client, twice)).toMatch(/^INVALID_ARGUMENT REQUEST_INVALID/);
  await repository.unload("passing");
  expect(await inferOutcome(client, {})).toMatch(/^UNAVAILABLE MODEL_NOT_READY/);
});

test("a bug of a model is INTERNAL, and what it says cannot break the answer", async () => {
  const broken = servedModel("passing", passingGraph, async () => {
    throw new Error(`half a character \ud800 and ${"many ".repeat(10_000)}\r\ngrpc-status: 0`);
  });
  const { client } = await startGrpc([broken]);
  const outcome = await inferOutcome(client, {});
  expect(outcome).toMatch(/^INTERNAL RUNTIME_FAILED: half a character \ufffd and many/);
  expect(outcome.length).toBeLessThan(1000);
});

test("models are listed, unloaded and loaded, and readiness follows", async () => {
  const { client } = await startGrpc();
  const ready = async (name: string) =>
    (await client.call(method.modelReady, { name })).message.ready;
  const listed = async (only: boolean) =>
    (await client.call(method.repositoryIndex, { ready: only })).message.models.map(
      ({ name, version, state }) => `${name} ${version} ${state}`,
    );
  expect(await listed(false)).toEqual(["passing 1 READY", "slow 1 READY"]);
  await client.call(method.repositoryModelUnload, { modelName: "slow" });
  expect(await listed(false)).toEqual(["passing 1 READY", "slow 1 UNAVAILABLE"]);
  expect(await listed(true)).toEqual(["passing 1 READY"]);
  expect(await ready("slow")).toBe(false);
  await client.call(method.repositoryModelLoad, { modelName: "slow" });
  expect(await ready("slow")).toBe(true);
  expect(await ready("nobody")).toBe(false);
  const unknown = client.call(method.repositoryModelLoad, { modelName: "nobody" });
  expect(await failure(unknown)).toMatch(/^NOT_FOUND MODEL_UNKNOWN/);
  const value = { parameterChoice: { case: "stringParam", value: "{}" } } as const;
  for (const parameter of ["config", "__proto__"]) {
    const parameters = { [parameter]: value };
    const other = client.call(method.repositoryModelLoad, { modelName: "slow", parameters });
    expect(await failure(other)).toMatch(/^INVALID_ARGUMENT REQUEST_INVALID/);
  }
});

test("counts what models did, of one or of all", async () => {
  const { client } = await startGrpc();
  await client.call(method.modelInfer, passingRequest());
  await inferOutcome(client, { outputs: [{ name: "z" }] });
  const { message: one } = await client.call(method.modelStatistics, { name: "passing" });
  expect(one.modelStats).toMatchObject([
    {
      name: "passing",
      version: "1",
      lastInference: 1_700_000_000_000n,
      inferenceCount: 1n,
      inferenceStats: {
        success: { count: 1n },
        fail: { count: 1n },
        queue: { count: 1n, ns: 250_000_000n },
        computeInfer: { count: 1n, ns: 500_000_000n },
        cacheHit: { count: 0n },
        cacheMiss: { count: 0n },
      },
      batchStats: [{ batchSize: 1n, computeInfer: { count: 1n, ns: 500_000_000n } }],
    },
  ]);
  const { message: all } = await client.call(method.modelStatistics, {});
  expect(all.modelStats.map(({ name }) => name)).toEqual(["passing", "slow"]);
  const unknown = client.call(method.modelStatistics, { name: "nobody" });
  expect(await failure(unknown)).toMatch(/^NOT_FOUND MODEL_UNKNOWN/);
});

test("hands the trace context to whoever looks on, and sends theirs back", async () => {
  const arrivals: Arrival[] = [];
  const departures: Departure[] = [];
  const observer: Observer = {
    begun: (arrival) => {
      arrivals.push(arrival);
      return { traceparent: "00-own", ended: (departure) => departures.push(departure) };
    },
  };
  const { client } = await startGrpc([passing], { observers: [observer] });
  const headers = { traceparent: "00-theirs", tracestate: "a=b" };
  const answer = await client.call(method.modelInfer, passingRequest({ id: "i" }), { headers });
  expect(answer.headers.get("traceparent")).toEqual(["00-own"]);
  expect(arrivals).toEqual([
    {
      ...{ model: "passing", version: "1", protocol: "grpc", id: "i", inputBytes: 8 },
      ...headers,
    },
  ]);
  expect(departures).toMatchObject([{ outputBytes: 8, outcome: { type: "answered" } }]);
});

test("takes compressed messages, unless they are larger than allowed when they are not", async () => {
  const limits = { ...defaultLimits, bodyBytes: 2 ** 20 };
  const { server } = await startGrpc([passing], { limits });
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    await using client = grpcClient(server.address, {
      "grpc.default_compression_algorithm": algorithm,
    });
    const rows = 100_000n;
    const inputs = [{ name: "x", datatype: "FP32", shape: [rows, 2n] }];
    const zeros = new Uint8Array(8 * Number(rows));
    const { message } = await client.call(
      method.modelInfer,
      passingRequest({ inputs, rawInputContents: [zeros] }),
    );
    expect(Buffer.compare(message.rawOutputContents[0] ?? zeros.subarray(1), zeros)).toBe(0);
    const bomb = passingRequest({ inputs, rawInputContents: [new Uint8Array(2 ** 21)] });
    expect(await failure(client.call(method.modelInfer, bomb))).toMatch(/^RESOURCE_EXHAUSTED/);
  }
});

test("a message that is too large is refused, whatever the method", async () => {
  const { client } = await startGrpc([passing], { limits: { ...defaultLimits, bodyBytes: 1000 } });
  for (const path of [inferPath, "/inference.GRPCInferenceService/ServerLive"]) {
    expect(await client.outcome(path, new Uint8Array(2000))).toMatch(/^RESOURCE_EXHAUSTED/);
  }
});

test("a draining server says so, answers what it was asked, and then lets go", async () => {
  let answer: () => void = () => undefined;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const model = servedModel("passing", passingGraph, async (inputs) => {
    begin();
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return passOn(inputs);
  });
  const { client, service, server } = await startGrpc([model]);
  const asked = client.call(method.modelInfer, passingRequest());
  await begun;
  const drained = service.drain(seconds(60));
  expect((await client.call(method.serverLive, {})).message.live).toBe(true);
  expect((await client.call(method.serverReady, {})).message.ready).toBe(false);
  expect(await inferOutcome(client, {})).toMatch(/^UNAVAILABLE MODEL_NOT_READY/);
  answer();
  expect((await asked).message.rawOutputContents).toEqual([floats(1, 2)]);
  await drained;
  await server.close();
  expect(await inferOutcome(client, {})).toMatch(/^UNAVAILABLE/);
});

test("gRPC's own health checks tell of the server and of models, once or as it changes", async () => {
  const { client, repository } = await startGrpc();
  const check = async (service: string) =>
    (await client.call(Health.method.check, { service })).message.status;
  expect(await check("")).toBe(Serving.SERVING);
  expect(await check("inference.GRPCInferenceService")).toBe(Serving.SERVING);
  expect(await check("slow")).toBe(Serving.SERVING);
  await repository.unload("slow");
  expect(await check("slow")).toBe(Serving.NOT_SERVING);
  const unknown = client.call(Health.method.check, { service: "nobody" });
  expect(await failure(unknown)).toMatch(/^NOT_FOUND/);
});

test("a port in use is named", async () => {
  const { server, service } = await startGrpc();
  const port = Number(server.address.split(":")[1]);
  const again = startGrpcServer({ service, host: "127.0.0.1", port, version: "1" });
  await expect(again).rejects.toMatchObject({ code: "PORT_IN_USE" });
});

test("a method that there is not is UNIMPLEMENTED", async () => {
  const { client } = await startGrpc();
  const path = "/inference.GRPCInferenceService/SystemSharedMemoryStatus";
  const outcome = await client.outcome(path, new Uint8Array());
  expect(outcome.startsWith(`${status[status.UNIMPLEMENTED]} `)).toBe(true);
});
