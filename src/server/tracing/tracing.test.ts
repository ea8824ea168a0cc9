import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { answered, arrival } from "../../../test/fixtures/observed.ts";
import { systemClock } from "../../base/clock.node.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { startTracing, type TracingOptions } from "./tracing.node.ts";

interface Taken {
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly key: unknown;
  readonly body: Buffer;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
}

/** Takes OTLP, and answers with a status; `null`: not at all. */
async function startCollector(status: number | null = 200) {
  const taken: Taken[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const isZipped = request.headers["content-encoding"] === "gzip";
    taken.push({
      path: request.url,
      type: request.headers["content-type"],
      key: request.headers["x-key"],
      body: isZipped ? gunzipSync(body) : body,
    });
    if (status !== null)
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { taken, url: `http://127.0.0.1:${port}`, asked: () => once(server, "request") };
}

function environment(variables: Readonly<Record<string, string>>): void {
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

async function start(options: Partial<TracingOptions> = {}) {
  const problems: string[] = [];
  const tracing = await startTracing({
    protocol: "http/json",
    version: "1.2.3",
    clock: systemClock,
    onProblem: (text) => problems.push(text),
    ...options,
  });
  return { tracing, problems };
}

test("what is traced is with the collector at the end, as OTLP in JSON", async () => {
  const { taken, url } = await startCollector();
  environment({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=secret",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=attic",
  });
  const { tracing, problems } = await start();
  const before = Date.now();
  const { traceparent } = tracing.observer.begun(arrival);
  tracing.observer.begun(arrival).ended(answered);
  await tracing.close();
  expect(taken.map(({ path, type, key }) => [path, type, key])).toEqual([
    ["/v1/traces", "application/json", "secret"],
  ]);
  const [resource] = JSON.parse(String(taken[0]?.body)).resourceSpans;
  const said = (resource.resource.attributes as Attribute[]).map(({ key, value }) => [
    key,
    value.stringValue,
  ]);
  expect(Object.fromEntries(said)).toMatchObject({
    "service.name": "partita",
    "service.version": "1.2.3",
    "deployment.environment.name": "attic",
  });
  const spans: OtlpSpan[] = resource.scopeSpans[0].spans;
  expect(spans).toHaveLength(7);
  const root = spans.find(({ name }) => name === "infer squeezenet");
  // The one that has not ended is not told.
  expect(traceparent).not.toContain(root?.traceId);
  expect(spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId)).toHaveLength(6);
  const startedAt = Number(BigInt(root?.startTimeUnixNano ?? 0) / 1_000_000n);
  expect(startedAt).toBeGreaterThanOrEqual(before - 1);
  expect(startedAt).toBeLessThanOrEqual(Date.now());
  expect(problems).toEqual([]);
});

test("OTLP goes as protobuf, too, under the name of a service that the environment gives", async () => {
  const { taken, url } = await startCollector();
  environment({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/elsewhere`,
    OTEL_SERVICE_NAME: "doorbell",
  });
  const { tracing } = await start({ protocol: "http/protobuf" });
  tracing.observer.begun(arrival).ended(answered);
  await tracing.close();
  expect(taken.map(({ path, type }) => [path, type])).toEqual([
    ["/elsewhere", "application/x-protobuf"],
  ]);
  for (const text of ["doorbell", "infer squeezenet", "hop camera → cloud"]) {
    expect(taken[0]?.body.includes(text)).toBe(true);
  }
});

test("the environment says which requests are sampled", async () => {
  const { taken, url } = await startCollector();
  environment({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: "always_off" });
  const { tracing } = await start();
  const observation = tracing.observer.begun(arrival);
  observation.ended(answered);
  await tracing.close();
  expect(observation.traceparent).toBeNull();
  expect(taken).toEqual([]);
});

test("a collector that refuses what it gets is named once, and requests know nothing of it", async () => {
  const { taken, url, asked } = await startCollector(400);
  environment({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "7" });
  const { tracing, problems } = await start();
  const refused = asked();
  tracing.observer.begun(arrival).ended(answered);
  await refused;
  tracing.observer.begun(arrival).ended(answered);
  await tracing.close();
  expect(taken).toHaveLength(2);
  expect(problems).toEqual([expect.stringMatching(/^tracing: .*Bad Request/)]);
});

test("a collector that does not answer holds up the end for three seconds, no more", async () => {
  const { url, asked } = await startCollector(null);
  environment({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
  const clock = createVirtualClock();
  const { tracing, problems } = await start({ clock });
  tracing.observer.begun(arrival).ended(answered);
  const reached = asked();
  const closed = tracing.close();
  await reached;
  expect(problems).toEqual([]);
  await clock.advance(seconds(3));
  await closed;
  expect(problems).toEqual(["tracing: the last spans did not get through in 3 s"]);
});
