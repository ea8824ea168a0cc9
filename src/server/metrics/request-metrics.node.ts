import type { Counter, Gauge, Histogram } from "prom-client";
import type { Inference } from "../../cluster/inference.ts";
import type { Arrival, Departure, Observation, Observer } from "../observer.ts";
import type { Instruments, LabelsOf } from "./instruments.node.ts";
import { WayMetrics } from "./way-metrics.node.ts";

const ofModel = ["model", "version"] as const;
const ofProtocol = [...ofModel, "protocol"] as const;

type OfModel = (typeof ofModel)[number];
type OfProtocol = (typeof ofProtocol)[number];

/** How requests go, from what is said when each of them begins and ends. */
export class RequestMetrics implements Observer {
  readonly #duration: Histogram<OfProtocol>;
  readonly #read: Histogram<OfModel>;
  readonly #wait: Histogram<OfModel>;
  readonly #run: Histogram<OfModel>;
  readonly #write: Histogram<OfModel>;
  readonly #inFlight: Gauge<OfProtocol>;
  readonly #failures: Counter<OfProtocol | "code">;
  readonly #inputBytes: Counter<OfProtocol>;
  readonly #outputBytes: Counter<OfProtocol>;
  readonly #way: WayMetrics;

  constructor(instruments: Instruments) {
    const seconds = <T extends string>(what: string, labels: readonly T[], help: string) =>
      instruments.histogram(`partita_request_${what}_seconds`, labels, help);
    const total = <T extends string>(what: string, labels: readonly T[], help: string) =>
      instruments.counter(`partita_request_${what}_total`, labels, help);
    this.#duration = seconds(
      "duration",
      ofProtocol,
      "Answered requests, from when they were there until their answers were written",
    );
    this.#read = seconds("read", ofModel, "Reading a request");
    this.#wait = seconds("wait", ofModel, "Until the pipeline had room for a request");
    this.#run = seconds("run", ofModel, "From there until its last output was at the source");
    this.#write = seconds("write", ofModel, "Writing an answer");
    this.#inFlight = instruments.gauge(
      "partita_requests_in_flight",
      ofProtocol,
      "Requests that have begun and not ended",
    );
    this.#failures = total("failures", [...ofProtocol, "code"], "Requests that failed, by code");
    this.#inputBytes = total("input_bytes", ofProtocol, "Bytes of inputs");
    this.#outputBytes = total("output_bytes", ofProtocol, "Bytes of answers");
    this.#way = new WayMetrics(instruments);
  }

  begun({ model, version, protocol, inputBytes }: Arrival): Observation {
    const labels = { model, version, protocol };
    this.#inFlight.inc(labels);
    this.#inputBytes.inc(labels, inputBytes);
    const ended = (departure: Departure): void => {
      this.#inFlight.dec(labels);
      this.#end(labels, departure);
    };
    return { traceparent: null, ended };
  }

  #end(labels: LabelsOf<OfProtocol>, departure: Departure): void {
    const { outcome, totalSeconds, outputBytes } = departure;
    if (outcome.type === "failed") {
      this.#failures.inc({ ...labels, code: outcome.code });
      return;
    }
    this.#duration.observe(labels, totalSeconds);
    this.#outputBytes.inc(labels, outputBytes);
    this.#answered(labels, departure, outcome.inference);
  }

  #answered(
    { model, version }: LabelsOf<OfModel>,
    { inputSeconds, outputSeconds }: Departure,
    { timings }: Inference,
  ): void {
    const labels = { model, version };
    this.#read.observe(labels, inputSeconds);
    this.#wait.observe(labels, timings.waitSeconds);
    this.#run.observe(labels, timings.totalSeconds);
    this.#write.observe(labels, outputSeconds);
    this.#way.went(labels, timings);
  }
}
