/**
 * Traces of requests for whoever takes OTLP over HTTP. OpenTelemetry's own environment variables say
 * where they go, which requests are sampled, and what is told of this process.
 *
 * @module
 */
import { type DiagLogger, DiagLogLevel, diag } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import type { Observer } from "../observer.ts";
import { RequestTracer } from "./request-tracer.ts";

export type OtlpProtocol = "http/json" | "http/protobuf";

export interface TracingOptions {
  readonly protocol: OtlpProtocol;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  /** Is told once of each thing that goes wrong: traces are lost then, requests are not. */
  readonly onProblem: (text: string) => void;
}

export interface Tracing extends AsyncDisposable {
  readonly observer: Observer;
  /** Sends what has not been sent, and waits a few seconds for it at most. */
  close(): Promise<void>;
}

/** A collector that does not answer must not hold up the end of a server. */
const closeSeconds = seconds(3);

/** One of a process at a time. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { clock, version } = options;
  const told = new Set<string>();
  const tell = (text: string): void => {
    if (told.has(text)) return;
    told.add(text);
    options.onProblem(`tracing: ${text}`);
  };
  diag.setLogger(loggerOf(tell), {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  setGlobalErrorHandler((error) => tell(messageOf(error)));
  const exporter = await exporterOf(options.protocol);
  const provider = new BasicTracerProvider({
    resource: resourceOf(version),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const close = async (): Promise<void> => {
    const over = new AbortController();
    const late = clock
      .sleep(closeSeconds, over.signal)
      .then(() => tell(`the last spans did not get through in ${closeSeconds} s`))
      .catch(() => undefined);
    const sent = provider.shutdown().catch((error: unknown) => tell(messageOf(error)));
    await Promise.race([sent, late]);
    over.abort();
    diag.disable();
  };
  const tracer = provider.getTracer("partita", version);
  const observer = new RequestTracer(tracer, clock, () => Date.now() / 1000);
  return { observer, close, [Symbol.asyncDispose]: close };
}

async function exporterOf(protocol: OtlpProtocol): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter();
}

function resourceOf(version: string) {
  const own = resourceFromAttributes({ "service.name": "partita", "service.version": version });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}

/** What is said besides the first words are stacks and codes. */
function loggerOf(tell: (text: string) => void): DiagLogger {
  const ignore = () => undefined;
  return { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore };
}
