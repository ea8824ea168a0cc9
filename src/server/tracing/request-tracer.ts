import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Clock } from "../../base/clock.ts";
import type { Inference } from "../../cluster/inference.ts";
import type { Arrival, Departure, Observation, Observer } from "../observer.ts";
import { heardSeconds, hopSeconds } from "./timeline.ts";

/** Characters of what a client may have written: spans are kept until they are sent. */
const longestText = 256;

const propagator = new W3CTraceContextPropagator();

/**
 * Makes a span of each request that is sampled, and below it one of its wait, of each stage and of
 * each hop. The client's trace goes on if it sent one.
 */
export class RequestTracer implements Observer {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #calendarSeconds: () => number;

  /** @param calendarSeconds since 1970; it may be set while requests run, as the clock may not */
  constructor(tracer: Tracer, clock: Clock, calendarSeconds: () => number) {
    this.#tracer = tracer;
    this.#clock = clock;
    this.#calendarSeconds = calendarSeconds;
  }

  begun(arrival: Arrival): Observation {
    const { model, version, protocol, id, inputBytes } = arrival;
    const start = this.#calendarSeconds();
    const startedAt = this.#clock.now();
    const span = this.#tracer.startSpan(
      `infer ${model}`,
      {
        kind: SpanKind.SERVER,
        startTime: timeOf(start),
        attributes: {
          "partita.model": model,
          "partita.version": version,
          "partita.protocol": protocol,
          "partita.input.bytes": inputBytes,
          ...(id === null ? {} : { "partita.id": id.slice(0, longestText) }),
        },
      },
      clientContext(arrival),
    );
    if (!span.isRecording()) return { traceparent: null, ended: () => undefined };
    const ended = (departure: Departure): void =>
      this.#end(span, start + this.#clock.now() - startedAt, departure);
    return { traceparent: traceparentOf(span), ended };
  }

  /** @param end on the calendar */
  #end(span: Span, end: number, departure: Departure): void {
    const { outcome, inputSeconds, outputSeconds, totalSeconds, outputBytes } = departure;
    span.setAttributes({
      "partita.total_seconds": totalSeconds,
      "partita.input_seconds": inputSeconds,
      "partita.output_seconds": outputSeconds,
      "partita.output.bytes": outputBytes,
    });
    if (outcome.type === "failed") {
      span.setAttribute("error.type", outcome.code);
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: outcome.message.slice(0, longestText),
      });
    } else {
      span.setAttribute("partita.request", outcome.inference.request);
      // What came from the source's agent is written as soon as it is here.
      this.#parts(span, outcome.inference, end - outputSeconds);
    }
    span.end(timeOf(end));
  }

  /** @param end of the run, on the calendar */
  #parts(span: Span, { timings }: Inference, end: number): void {
    const { waitSeconds, totalSeconds, stages, hops } = timings;
    const start = end - totalSeconds;
    const heard = heardSeconds(timings);
    const within = trace.setSpan(ROOT_CONTEXT, span);
    const part = (name: string, from: number, seconds: number, attributes: Attributes) => {
      const options = { startTime: timeOf(from), attributes };
      this.#tracer.startSpan(name, options, within).end(timeOf(from + seconds));
    };
    if (waitSeconds > 0) part("wait", start - waitSeconds, waitSeconds, {});
    for (const run of stages) {
      const begun = start + (heard.get(run.device) ?? 0) + run.startSeconds;
      part(`stage ${run.stage}`, begun, run.queueSeconds + run.busySeconds, {
        "partita.stage": run.stage,
        "partita.device": run.device,
        "partita.queue_seconds": run.queueSeconds,
        "partita.compute_seconds": run.computeSeconds,
      });
    }
    for (const hop of hops) {
      const begun = start + (heard.get(hop.from) ?? 0) + hop.startSeconds;
      part(`hop ${hop.from} → ${hop.to}`, begun, hopSeconds(hop), {
        "partita.tensor": hop.tensor,
        "partita.from": hop.from,
        "partita.to": hop.to,
        "partita.bytes": hop.bytes,
        "partita.encode_seconds": hop.encodeSeconds,
        "partita.queue_seconds": hop.queueSeconds,
      });
    }
  }
}

/** What the client sent of its trace; one that is malformed counts as none. */
function clientContext({ traceparent, tracestate }: Arrival): Context {
  if (traceparent === null) return ROOT_CONTEXT;
  const carrier = { traceparent, ...(tracestate === null ? {} : { tracestate }) };
  return propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
}

function traceparentOf(span: Span): string | null {
  const carrier: { traceparent?: string } = {};
  propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, defaultTextMapSetter);
  return carrier.traceparent ?? null;
}

/** A moment as OpenTelemetry takes it. */
function timeOf(calendarSeconds: number): [seconds: number, nanoseconds: number] {
  const whole = Math.floor(calendarSeconds);
  return [whole, Math.floor((calendarSeconds - whole) * 1e9)];
}
