import type { Counter, Gauge } from "prom-client";
import { type ErrorCode, errorTraits } from "../../base/errors.ts";
import type { Arrival, Departure, Observation, Observer } from "../observer.ts";
import { shareOfRun } from "../share-of-run.ts";
import type { Instruments, LabelsOf } from "./instruments.node.ts";

const ofModel = ["model", "version"] as const;
type OfModel = (typeof ofModel)[number];

const microseconds = 1e6;

/**
 * The counters of Triton Inference Server, for dashboards that were made for them. Their names and
 * units are not those that Prometheus asks for, so that they are told apart from ours.
 */
export class TritonMetrics implements Observer {
  readonly #success: Counter<OfModel>;
  readonly #failure: Counter<OfModel | "reason">;
  readonly #inferences: Counter<OfModel>;
  readonly #executions: Counter<OfModel>;
  readonly #pending: Gauge<OfModel>;
  readonly #request: Counter<OfModel>;
  readonly #queue: Counter<OfModel>;
  readonly #input: Counter<OfModel>;
  readonly #infer: Counter<OfModel>;
  readonly #output: Counter<OfModel>;

  constructor(instruments: Instruments) {
    const counter = (what: string, help: string) =>
      instruments.counter(`nv_inference_${what}`, ofModel, help);
    this.#success = counter("request_success", "Requests that were answered");
    this.#failure = instruments.counter(
      "nv_inference_request_failure",
      [...ofModel, "reason"],
      "Requests that failed: REJECTED (no room, no model, too late), BACKEND (in the run) or OTHER",
    );
    this.#inferences = counter("count", "Inferences, of which a request may ask for several");
    this.#executions = counter("exec_count", "Runs of the model");
    this.#pending = instruments.gauge(
      "nv_inference_pending_request_count",
      ofModel,
      "Requests that have begun and not ended",
    );
    this.#request = counter("request_duration_us", "Microseconds of requests");
    this.#queue = counter("queue_duration_us", "Microseconds until there was room");
    this.#input = counter("compute_input_duration_us", "Microseconds of reading requests");
    this.#infer = counter("compute_infer_duration_us", "Microseconds of running the model");
    this.#output = counter("compute_output_duration_us", "Microseconds of writing answers");
  }

  begun({ model, version }: Arrival): Observation {
    const labels = { model, version };
    this.#pending.inc(labels);
    const ended = (departure: Departure): void => {
      this.#pending.dec(labels);
      this.#end(labels, departure);
    };
    return { traceparent: null, ended };
  }

  #end(labels: LabelsOf<OfModel>, departure: Departure): void {
    const { outcome, totalSeconds, inputSeconds, outputSeconds } = departure;
    if (outcome.type === "failed") {
      this.#failure.inc({ ...labels, reason: reasonOf(outcome.code) });
      return;
    }
    const { timings } = outcome.inference;
    this.#success.inc(labels);
    this.#inferences.inc(labels, outcome.rows);
    this.#executions.inc(labels, shareOfRun(timings));
    this.#request.inc(labels, totalSeconds * microseconds);
    this.#queue.inc(labels, timings.waitSeconds * microseconds);
    this.#input.inc(labels, inputSeconds * microseconds);
    this.#infer.inc(labels, timings.totalSeconds * microseconds);
    this.#output.inc(labels, outputSeconds * microseconds);
  }
}

function reasonOf(code: ErrorCode): "BACKEND" | "OTHER" | "REJECTED" {
  const { grpcStatus } = errorTraits[code];
  if (grpcStatus === "INTERNAL") return "BACKEND";
  const isRejected = grpcStatus === "UNAVAILABLE" || grpcStatus === "DEADLINE_EXCEEDED";
  return isRejected ? "REJECTED" : "OTHER";
}
