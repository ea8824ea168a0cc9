/**
 * Whether requests are traced, by the variables that OpenTelemetry has for every program. They are
 * off unless one of them says where traces go. Its own libraries read the rest of them.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @module
 */
import { systemClock } from "../base/clock.node.ts";
import { CodedError } from "../base/errors.ts";
import type { OtlpProtocol, Tracing } from "../server/tracing/tracing.node.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

type Environment = Terminal["telemetry"];

const protocols: readonly string[] = ["http/protobuf", "http/json"] satisfies OtlpProtocol[];
const samplers = ["always_on", "always_off", "traceidratio"].flatMap((sampler) => [
  sampler,
  `parentbased_${sampler}`,
]);
const endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const ofProtocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

interface Rule {
  readonly variable: string;
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

/** For variables in which OpenTelemetry's libraries would pass over a mistake. */
const rules: readonly Rule[] = [
  oneOf("OTEL_TRACES_EXPORTER", ["otlp", "none"]),
  oneOf("OTEL_TRACES_SAMPLER", samplers),
  {
    variable: "OTEL_TRACES_SAMPLER_ARG",
    expected: "a share from 0 to 1",
    accepts: (value) => Number(value) >= 0 && Number(value) <= 1,
  },
  ...ofProtocol.map((variable) => oneOf(variable, protocols)),
  ...endpoints.map((variable) => ({
    variable,
    expected: "a URL such as http://127.0.0.1:4318",
    accepts: (value: string) => /^https?:/i.test(value) && URL.canParse(value),
  })),
];

function oneOf(variable: string, values: readonly string[]): Rule {
  return { variable, expected: values.join(", "), accepts: (value) => values.includes(value) };
}

/**
 * How traces are sent; `null`: they are not.
 *
 * @throws USAGE_INVALID if they are to be sent, and a variable says something that is not supported
 */
export function readTracing(environment: Environment): { protocol: OtlpProtocol } | null {
  const given = (variable: string): string | null => environment[variable]?.trim() || null;
  if (given("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return null;
  const isAimed = endpoints.some((variable) => given(variable) !== null);
  const exporter = given("OTEL_TRACES_EXPORTER") ?? (isAimed ? "otlp" : "none");
  if (exporter === "none") return null;
  for (const { variable, expected, accepts } of rules) {
    const observed = given(variable);
    if (observed === null || accepts(observed)) continue;
    throw new CodedError(
      "USAGE_INVALID",
      `the environment has ${variable}=${observed}, and partita takes ${expected}; correct it, or set OTEL_SDK_DISABLED=true to trace nothing`,
      { variable, observed, expected },
    );
  }
  const protocol = ofProtocol.map(given).find((value) => value !== null);
  return { protocol: protocol === "http/json" ? protocol : "http/protobuf" };
}

/**
 * Begins to trace requests if the environment says so.
 *
 * @throws USAGE_INVALID, see `readTracing`
 */
export async function openTracing(terminal: Terminal): Promise<Tracing | null> {
  const settings = readTracing(terminal.telemetry);
  if (settings === null) return null;
  // Who does not trace need not wait for OpenTelemetry to be read.
  const { startTracing } = await import("../server/tracing/tracing.node.ts");
  const onProblem = (text: string) => terminal.note(`warning: ${text}`);
  return await startTracing({ ...settings, version, clock: systemClock, onProblem });
}
