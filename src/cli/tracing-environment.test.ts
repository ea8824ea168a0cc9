import { expect, test } from "vitest";
import { plainTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { openTracing, readTracing } from "./tracing-environment.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test.each<readonly [what: string, environment: Record<string, string>]>([
  ["nothing is said", {}],
  ["only the sampler is said", { OTEL_TRACES_SAMPLER: "always_on" }],
  ["it is off", { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }],
  ["traces go nowhere", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }],
  ["the endpoint is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }],
  ["it is off, and wrong besides", { OTEL_SDK_DISABLED: "true", OTEL_TRACES_EXPORTER: "zipkin" }],
])("nothing is traced where %s", (_, environment) => {
  expect(readTracing(environment)).toBeNull();
});

test.each<readonly [what: string, environment: Record<string, string>, protocol: string]>([
  ["an endpoint", endpoint, "http/protobuf"],
  ["one for traces", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://a/b" }, "http/protobuf"],
  ["the exporter", { OTEL_TRACES_EXPORTER: "otlp" }, "http/protobuf"],
  ["JSON", { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, "http/json"],
  [
    "JSON for traces and protobuf for the rest",
    {
      ...endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
    },
    "http/json",
  ],
])("requests are traced where the environment names %s", (_, environment, protocol) => {
  expect(readTracing(environment)).toEqual({ protocol });
});

test.each([
  ["OTEL_TRACES_EXPORTER", "zipkin", "otlp, none"],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf, http/json"],
  ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "http/protobuf, http/json"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318", "a URL such as"],
  ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://", "a URL such as"],
  ["OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"],
  ["OTEL_TRACES_SAMPLER_ARG", "150", "a share from 0 to 1"],
  ["OTEL_TRACES_SAMPLER_ARG", "half", "a share from 0 to 1"],
])("%s=%s is refused with what would do", (variable, value, expected) => {
  expect(() => readTracing({ ...endpoint, [variable]: value })).toThrow(
    expect.objectContaining({
      code: "USAGE_INVALID",
      message: expect.stringMatching(new RegExp(`${variable}=${value}, .*${expected}`)),
    }),
  );
});

test("a terminal's environment opens tracing, or leaves it off", async () => {
  expect(await openTracing(plainTerminal())).toBeNull();
  await using tracing = await openTracing(plainTerminal({ telemetry: endpoint }));
  expect(tracing?.observer).toBeDefined();
});
