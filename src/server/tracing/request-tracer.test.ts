import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect, test } from "vitest";
import { answered, arrival, failed, timings } from "../../../test/fixtures/observed.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { RequestTracer } from "./request-tracer.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
/** The calendar's, where the clock says 0. */
const epochSeconds = 1_700_000_000;

/** A tracer whose calendar stands still while its clock goes on. */
function start(sampler: Sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() })) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    sampler,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const clock = createVirtualClock();
  const tracer = new RequestTracer(provider.getTracer("test"), clock, () => epochSeconds);
  return { clock, tracer, spans: () => exporter.getFinishedSpans() };
}

/** From when to when, in seconds since the calendar's epoch. */
function lasted({ startTime, endTime }: ReadableSpan): readonly number[] {
  return [startTime, endTime].map(([whole, nanoseconds]) =>
    Number((whole - epochSeconds + nanoseconds / 1e9).toFixed(6)),
  );
}

test("a request is a span, and its wait, stages and hops stand below it where they were", async () => {
  const { clock, tracer, spans } = start();
  const observation = tracer.begun(arrival);
  await clock.advance(seconds(0.319));
  observation.ended(answered);
  const all = spans();
  const root = all.at(-1);
  expect(root?.kind).toBe(SpanKind.SERVER);
  expect(root?.parentSpanContext).toBeUndefined();
  // The answer was at the source 2 ms before the end, after 0.11 s; that is when it had set off.
  expect(Object.fromEntries(all.map((span) => [span.name, lasted(span)]))).toEqual({
    "infer squeezenet": [0, 0.319],
    wait: [0.007, 0.207],
    "stage s0": [0.207, 0.237],
    "stage s2": [0.307, 0.317],
    "stage s1": [0.267, 0.292],
    "hop camera → cloud": [0.237, 0.267],
    "hop cloud → camera": [0.292, 0.307],
  });
  for (const span of all.slice(0, -1)) {
    expect(span.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
    expect(span.spanContext().traceId).toBe(root?.spanContext().traceId);
  }
});

test("spans say which request, model, stage, device and tensor they are of", () => {
  const { tracer, spans } = start();
  tracer.begun(arrival).ended(answered);
  const attributes = Object.fromEntries(spans().map((span) => [span.name, span.attributes]));
  expect(attributes["infer squeezenet"]).toEqual({
    "partita.model": "squeezenet",
    "partita.version": "1",
    "partita.protocol": "http",
    "partita.id": "picture 7",
    "partita.request": 42,
    "partita.input.bytes": 600,
    "partita.output.bytes": 40,
    "partita.input_seconds": 0.001,
    "partita.output_seconds": 0.002,
    "partita.total_seconds": 0.32,
  });
  expect(attributes["stage s0"]).toEqual({
    "partita.stage": "s0",
    "partita.device": "camera",
    "partita.queue_seconds": 0.01,
    "partita.compute_seconds": 0.018,
  });
  expect(attributes["hop camera → cloud"]).toEqual({
    "partita.tensor": "a",
    "partita.from": "camera",
    "partita.to": "cloud",
    "partita.bytes": 4000,
    "partita.encode_seconds": 0.004,
    "partita.queue_seconds": 0.006,
  });
});

test("of what a client may have written, spans keep a part", () => {
  const { tracer, spans } = start();
  const long = "x".repeat(100_000);
  const outcome = { type: "failed", code: "REQUEST_INVALID", message: long } as const;
  tracer.begun({ ...arrival, id: long }).ended({ ...answered, outcome });
  expect(spans()[0]?.attributes["partita.id"]).toBe("x".repeat(256));
  expect(spans()[0]?.status.message).toBe("x".repeat(256));
});

test("a client's trace goes on, and what is handed on names the request's span", () => {
  const { tracer, spans } = start();
  const traceparent = `00-${traceId}-${spanId}-01`;
  const observation = tracer.begun({ ...arrival, traceparent, tracestate: "vendor=1" });
  observation.ended(answered);
  const root = spans().at(-1);
  expect(root?.parentSpanContext?.spanId).toBe(spanId);
  expect(root?.spanContext().traceState?.serialize()).toBe("vendor=1");
  expect(observation.traceparent).toBe(`00-${traceId}-${root?.spanContext().spanId}-01`);
});

test.each([
  "",
  "00",
  `00-${traceId}-${spanId}`,
  `ff-${traceId}-${spanId}-01`,
  `00-${"0".repeat(32)}-${spanId}-01`,
  `00-${traceId}-${"0".repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${traceId}-${spanId}-01-more`,
  "x".repeat(10_000),
])(
  "a malformed traceparent (%j) counts as none: the request has a trace of its own",
  (traceparent) => {
    const { tracer, spans } = start();
    const observation = tracer.begun({ ...arrival, traceparent, tracestate: "=,=\u0000" });
    observation.ended(answered);
    expect(spans().at(-1)?.parentSpanContext).toBeUndefined();
    expect(observation.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(observation.traceparent).not.toContain(traceId);
  },
);

test("a later version of traceparent is read as far as it is known", () => {
  const { tracer, spans } = start();
  const traceparent = `01-${traceId}-${spanId}-01-more`;
  tracer.begun({ ...arrival, traceparent }).ended(answered);
  expect(spans().at(-1)?.spanContext().traceId).toBe(traceId);
});

test("a request that fails is a span with its code, and nothing below it", () => {
  const { tracer, spans } = start();
  tracer.begun(arrival).ended(failed("DEVICE_LOST"));
  expect(spans()).toHaveLength(1);
  expect(spans()[0]?.status).toEqual({
    code: SpanStatusCode.ERROR,
    message: "it did not work out",
  });
  expect(spans()[0]?.attributes["error.type"]).toBe("DEVICE_LOST");
});

test("of a request that is not sampled nothing is told or handed on", () => {
  const byParent = start();
  const traceparent = `00-${traceId}-${spanId}-00`;
  const off = start(new AlwaysOffSampler());
  const observations = [
    byParent.tracer.begun({ ...arrival, traceparent }),
    off.tracer.begun(arrival),
  ];
  for (const observation of observations) observation.ended(answered);
  expect(observations.map((observation) => observation.traceparent)).toEqual([null, null]);
  expect([...byParent.spans(), ...off.spans()]).toEqual([]);
});

test("a request that did not wait and runs on one device has its stage below it", () => {
  const { tracer, spans } = start();
  const alone = {
    ...{ ...timings, waitSeconds: 0, hops: [] },
    stages: timings.stages.slice(0, 1),
  };
  const inference = { request: 1, outputs: {}, timings: alone };
  tracer.begun(arrival).ended({ ...answered, outcome: { type: "answered", inference, rows: 1 } });
  expect(spans().map(({ name }) => name)).toEqual(["stage s0", "infer squeezenet"]);
});
