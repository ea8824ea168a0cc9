import { setImmediate as settle } from "node:timers/promises";
import { deflateSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  beginUpload,
  inferBody,
  pledge,
  readInfer,
  startOip,
} from "../../../test/fixtures/oip-server.ts";
import {
  neverAnswer,
  passingModel,
  passOn,
  servedModel,
} from "../../../test/fixtures/served-models.ts";
import { seconds } from "../../base/units.ts";
import { packStrings } from "../../graph/string-value.ts";
import { elementCount } from "../../graph/tensor-value.ts";
import { Metrics } from "../metrics/metrics.node.ts";
import { metricsRoutes } from "../metrics/metrics-routes.node.ts";
import type { Observer } from "../observer.ts";
import { dataTypeOf, datatypes } from "./datatypes.ts";
import { startHttpServer } from "./http-server.node.ts";

const floats = passingModel({ x: { dataType: "float32", shape: ["N", 2] } });
const model = servedModel("floats", floats, passOn);
const bytesOf = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const input = { name: "x", datatype: "FP32", shape: [2, 2] };
const binaryInput = { ...input, parameters: { binary_data_size: 16 } };
const jsonRequest = { inputs: [{ ...input, data: [1, 2, 3, 4] }] };
const binaryRequest = { inputs: [binaryInput], parameters: { binary_data_output: true } };
const path = "/v2/models/floats/infer";

function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  return fetch(url, { method: "POST", body, headers });
}

async function errorOf(response: Response): Promise<[number, string]> {
  const { error } = (await response.json()) as { error: string };
  return [response.status, error.split(":")[0] ?? ""];
}

test("says what it is, that it lives, and that it is ready", async () => {
  const { server, repository } = await startOip([model]);
  const get = (route: string) => fetch(`${server.url}${route}`);
  const metadata = (await (await get("/v2")).json()) as Record<string, unknown>;
  expect(metadata).toMatchObject({ name: "partita", version: "1.2.3" });
  expect(metadata["extensions"]).toEqual(
    expect.arrayContaining(["binary_tensor_data", "model_repository", "statistics"]),
  );
  expect((await get("/v2/")).status).toBe(200);
  expect((await get("/v2/health/live")).status).toBe(200);
  expect((await get("/v2/health/ready")).status).toBe(200);
  expect((await get("/v2/models/floats/ready")).status).toBe(200);
  await repository.unload("floats");
  expect((await get("/v2/health/live")).status).toBe(200);
  expect((await get("/v2/health/ready")).status).toBe(503);
  expect(await errorOf(await get("/v2/models/floats/ready"))).toEqual([503, "MODEL_NOT_READY"]);
});

test("describes a model, with and without its version, as Triton does", async () => {
  const { server } = await startOip([model]);
  for (const route of ["/v2/models/floats", "/v2/models/floats/versions/1"]) {
    const get = async (rest: string) => (await fetch(`${server.url}${route}${rest}`)).json();
    const tensor = { datatype: "FP32", shape: [-1, 2] };
    expect(await get("")).toEqual({
      name: "floats",
      versions: ["1"],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "x", ...tensor }],
      outputs: [{ name: "x_out", ...tensor }],
    });
    expect(await get("/config")).toMatchObject({
      name: "floats",
      // As many rows of two floats as 64 MiB hold.
      max_batch_size: 2 ** 23,
      input: [{ name: "x", data_type: "TYPE_FP32", dims: [2] }],
      output: [{ name: "x_out", data_type: "TYPE_FP32", dims: [2] }],
    });
    expect(await get("/stats")).toMatchObject({ model_stats: [{ name: "floats", version: "1" }] });
  }
  const all = await (await fetch(`${server.url}/v2/models/stats`)).json();
  expect(all).toMatchObject({ model_stats: [{ name: "floats" }] });
  for (const route of ["/v2/models/other", "/v2/models/floats/versions/2", "/v2/models/o/stats"]) {
    expect(await errorOf(await fetch(`${server.url}${route}`))).toEqual([404, "MODEL_UNKNOWN"]);
  }
});

test("answers JSON with JSON, under the id of the client", async () => {
  const { server } = await startOip([model]);
  const response = await post(`${server.url}${path}`, JSON.stringify({ id: "7", ...jsonRequest }));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("server-timing")).toMatch(/dur=500/);
  expect(await response.json()).toEqual({
    id: "7",
    model_name: "floats",
    model_version: "1",
    outputs: [{ name: "x_out", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] }],
  });
});

test("answers binary tensors with binary tensors, of which the header says where they begin", async () => {
  const { server } = await startOip([model]);
  const { body, headers } = inferBody(binaryRequest, bytesOf(1, 2, 3, 4));
  const response = await post(`${server.url}${path}`, body, headers);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  const { json, tensors, rest } = await readInfer(response);
  expect(json.outputs[0]).toEqual({
    ...{ name: "x_out", datatype: "FP32", shape: [2, 2] },
    parameters: { binary_data_size: 16 },
  });
  expect(tensors.get("x_out")).toEqual(bytesOf(1, 2, 3, 4));
  expect(rest).toBe(0);
});

test("each output comes in the form that was asked for it, whatever form the inputs had", async () => {
  const inputs = { a: { dataType: "uint8", shape: [1] }, b: { dataType: "uint8", shape: [1] } };
  const { server } = await startOip([servedModel("floats", passingModel(inputs), passOn)]);
  const small = { datatype: "UINT8", shape: [1] };
  const { body, headers } = inferBody(
    {
      inputs: [
        { name: "a", ...small, parameters: { binary_data_size: 1 } },
        { name: "b", ...small, data: [8] },
      ],
      outputs: [{ name: "b_out" }, { name: "a_out", parameters: { binary_data: false } }],
      parameters: { binary_data_output: true },
    },
    new Uint8Array([7]),
  );
  const { json, tensors } = await readInfer(await post(`${server.url}${path}`, body, headers));
  expect(json.outputs).toMatchObject([{ name: "b_out" }, { name: "a_out", data: [7] }]);
  expect([...tensors]).toEqual([["b_out", new Uint8Array([8])]]);
});

test("tensors of every datatype pass in binary form as they are", async () => {
  const shape = [3];
  const types = datatypes.map((datatype) => [datatype, dataTypeOf(datatype)] as const);
  const graph = passingModel(
    Object.fromEntries(types.map(([, dataType]) => [dataType, { dataType, shape }])),
  );
  const { server } = await startOip([servedModel("floats", graph, passOn)]);
  const encode = (text: string) => new TextEncoder().encode(text);
  const values = types.map(([datatype, dataType]) => {
    const words = packStrings(["", "two", "drei ä"].map(encode));
    const width = /(\d+)$/.exec(dataType)?.[1];
    const plain = new Uint8Array(
      elementCount(shape) * (width === undefined ? 1 : Number(width) / 8),
    );
    const data =
      datatype === "BYTES" ? words : plain.map((_, at) => (datatype === "BOOL" ? at % 2 : at));
    return { name: dataType, datatype, shape, data };
  });
  const { body, headers } = inferBody(
    {
      inputs: values.map(({ data, ...rest }) => ({
        ...rest,
        parameters: { binary_data_size: data.byteLength },
      })),
      parameters: { binary_data_output: true },
    },
    ...values.map(({ data }) => data),
  );
  const { tensors } = await readInfer(await post(`${server.url}${path}`, body, headers));
  expect(tensors.size).toBe(14);
  for (const { name, data } of values)
    expect(tensors.get(`${name}_out`)).toEqual(new Uint8Array(data));
});

test("bodies may come compressed, and answers go so where the client wants it", async () => {
  const { server } = await startOip([model]);
  const many = Float32Array.from({ length: 2000 }, (_, at) => at % 7);
  const data = new Uint8Array(many.buffer);
  const request = {
    inputs: [{ ...input, shape: [1000, 2], parameters: { binary_data_size: data.byteLength } }],
    parameters: { binary_data_output: true },
  };
  const { body, headers } = inferBody(request, data);
  for (const [coding, pack] of [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ] as const) {
    const response = await post(`${server.url}${path}`, new Uint8Array(pack(body)), {
      ...headers,
      "content-encoding": coding,
      "accept-encoding": `br, ${coding}`,
    });
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect((await readInfer(response)).tensors.get("x_out")).toEqual(data);
  }
  const plain = await post(`${server.url}${path}`, body, {
    ...headers,
    "accept-encoding": "gzip;q=0, identity",
  });
  expect(plain.headers.get("content-encoding")).toBe(null);
});

test("lists, loads and unloads models", async () => {
  const { server } = await startOip([model]);
  const ask = (route: string, body = "") => post(`${server.url}/v2/repository/${route}`, body);
  const ready = [{ name: "floats", version: "1", state: "READY", reason: "" }];
  expect(await (await ask("index")).json()).toEqual(ready);
  const unload = JSON.stringify({ parameters: { unload_dependents: false } });
  expect((await ask("models/floats/unload", unload)).status).toBe(200);
  expect(await (await ask("index")).json()).toMatchObject([{ state: "UNAVAILABLE" }]);
  expect(await (await ask("index", '{"ready":true}')).json()).toEqual([]);
  expect((await ask("models/floats/load", "{}")).status).toBe(200);
  expect(await (await ask("index")).json()).toEqual(ready);
  expect(await errorOf(await ask("models/other/load"))).toEqual([404, "MODEL_UNKNOWN"]);
  for (const parameter of ["config", "__proto__"]) {
    const configured = `{"parameters":{"${parameter}":"{}"}}`;
    expect(await errorOf(await ask("models/floats/load", configured))).toEqual([
      400,
      "REQUEST_INVALID",
    ]);
  }
});

test("hands the trace context to observers, and sends theirs back", async () => {
  const seen: unknown[] = [];
  const observer: Observer = {
    begun: ({ traceparent, tracestate, protocol }) => {
      seen.push([traceparent, tracestate, protocol]);
      return { traceparent: "00-ours-01", ended: () => undefined };
    },
  };
  const { server } = await startOip([model], { observers: [observer] });
  const headers = { traceparent: "00-theirs-01", tracestate: "vendor=1" };
  const response = await post(`${server.url}${path}`, JSON.stringify(jsonRequest), headers);
  expect(response.headers.get("traceparent")).toBe("00-ours-01");
  expect(seen).toEqual([["00-theirs-01", "vendor=1", "http"]]);
});

test("says in the answer where its time went, also if nobody traces it", async () => {
  const { server } = await startOip([model]);
  const response = await post(`${server.url}${path}`, JSON.stringify(jsonRequest));
  expect(response.headers.get("server-timing")).toBe("wait;dur=250, run;dur=500");
  expect(response.headers.get("traceparent")).toBeNull();
});

test("metrics are shown beside the models, and count what was asked", async () => {
  const metrics = new Metrics(() => new Map());
  const mounted = { observers: [metrics], mount: metricsRoutes(metrics) };
  const { server } = await startOip([model], mounted);
  await post(`${server.url}${path}`, JSON.stringify(jsonRequest));
  await post(`${server.url}/v2/models/nobody/infer`, JSON.stringify(jsonRequest));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const labels = 'model="floats",version="1",protocol="http"';
  expect(text).toContain(`partita_request_duration_seconds_count{${labels}} 1`);
  expect(text).not.toContain("nobody");
});

test("a timeout in microseconds is the deadline, and an idempotency key the request's id", async () => {
  const given: unknown[] = [];
  const watched = servedModel("floats", floats, async (values, { id, deadlineSeconds }) => {
    given.push([id, deadlineSeconds]);
    return await passOn(values);
  });
  const { server } = await startOip([watched]);
  const body = JSON.stringify({ ...jsonRequest, parameters: { timeout: 2_500_000, priority: 1 } });
  expect((await post(`${server.url}${path}`, body, { "idempotency-key": "once" })).status).toBe(
    200,
  );
  expect(given).toEqual([["once", 2.5]]);
});

test("a deadline that passes is a timeout of the gateway", async () => {
  const { server } = await startOip([servedModel("floats", floats, neverAnswer)]);
  const body = JSON.stringify({ ...jsonRequest, parameters: { timeout: 1000 } });
  const response = await post(`${server.url}${path}`, body);
  expect(await errorOf(response)).toEqual([504, "REQUEST_DEADLINE_EXCEEDED"]);
});

test("a request ends with the client that asked it", async () => {
  let reason: unknown;
  const asked = pledge();
  const ended = pledge();
  const watched = servedModel("floats", floats, async (values, options) => {
    asked.resolve();
    try {
      return await neverAnswer(values, options);
    } catch (error) {
      reason = error;
      ended.resolve();
      throw error;
    }
  });
  const { server } = await startOip([watched]);
  const gone = new AbortController();
  const response = fetch(`${server.url}${path}`, {
    method: "POST",
    body: JSON.stringify(jsonRequest),
    signal: gone.signal,
  });
  const refused = expect(response).rejects.toThrow();
  await asked.promise;
  gone.abort();
  await refused;
  await ended.promise;
  expect(reason).toMatchObject({ code: "CHANNEL_CLOSED" });
});

test("a client that goes while it sends is counted as one that went, not as one that is wrong", async () => {
  const ended = pledge();
  let outcome: unknown;
  const observer: Observer = {
    begun: () => ({
      traceparent: null,
      ended: (departure) => {
        outcome = departure.outcome;
        ended.resolve();
      },
    }),
  };
  const { server } = await startOip([model], { observers: [observer] });
  const upload = beginUpload(server.url, path, { "content-length": "1000" });
  upload.write("{");
  while (server.heldBytes() === 0) await settle();
  upload.destroy();
  await ended.promise;
  expect(outcome).toMatchObject({ type: "failed", code: "CHANNEL_CLOSED" });
});

test("draining answers what was taken, says that it is not ready, and then is gone", async () => {
  const asked = pledge();
  const free = pledge();
  const slow = servedModel("floats", floats, async (values) => {
    asked.resolve();
    await free.promise;
    return await passOn(values);
  });
  const { server } = await startOip([slow]);
  const taken = post(`${server.url}${path}`, JSON.stringify(jsonRequest));
  await asked.promise;
  const drained = server.drain(seconds(60));
  expect((await fetch(`${server.url}/v2/health/ready`)).status).toBe(503);
  expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
  const late = await post(`${server.url}${path}`, JSON.stringify(jsonRequest));
  expect(await errorOf(late)).toEqual([503, "MODEL_NOT_READY"]);
  free.resolve();
  expect((await taken).status).toBe(200);
  await drained;
  await expect(fetch(`${server.url}/v2/health/live`)).rejects.toThrow();
});

test("draining does not wait for a request that does not come to its end", async () => {
  const { server } = await startOip([model]);
  const upload = beginUpload(server.url, path, { "content-length": "60000" });
  const ended = new Promise((resolve) => upload.once("close", resolve));
  upload.write("x".repeat(50_000));
  while (server.heldBytes() < 50_000) await settle();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const drained = server.drain(seconds(60));
  await vi.advanceTimersByTimeAsync(5000);
  await drained;
  await ended;
  await expect(fetch(`${server.url}/v2/health/live`)).rejects.toThrow();
});

test("further routes stand beside those of the protocol", async () => {
  const { server } = await startOip([model], {
    mount: (app) => void app.get("/metrics", async () => "up 1"),
  });
  expect(await (await fetch(`${server.url}/metrics`)).text()).toBe("up 1");
});

test("a port that is taken is named", async () => {
  const { server, service } = await startOip([model]);
  const port = Number(new URL(server.url).port);
  await expect(
    startHttpServer({ host: "127.0.0.1", port, version: "1", service }),
  ).rejects.toMatchObject({ code: "PORT_IN_USE" });
});

test("bodies are forgotten when their answers are through", async () => {
  const { server } = await startOip([model]);
  const response = await post(`${server.url}${path}`, JSON.stringify(jsonRequest));
  await response.arrayBuffer();
  while (server.heldBytes() > 0) await settle();
  expect(server.heldBytes()).toBe(0);
});
