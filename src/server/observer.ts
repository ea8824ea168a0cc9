import type { ErrorCode } from "../base/errors.ts";
import type { Inference } from "../cluster/inference.ts";

/** A request as it came in, by whichever protocol. */
export interface Arrival {
  readonly model: string;
  readonly version: string;
  readonly protocol: "http" | "grpc" | "nats";
  /** The client's; `null`: it gave none. */
  readonly id: string | null;
  readonly inputBytes: number;
  /** W3C trace context as it came; `null`: none did. */
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

export interface Departure {
  /** Reading the request, and writing the answer, apart from sending it. */
  readonly inputSeconds: number;
  readonly outputSeconds: number;
  readonly totalSeconds: number;
  readonly outputBytes: number;
  readonly outcome:
    | {
        readonly type: "answered";
        readonly inference: Inference;
        /** Inferences that the request asked for at once: rows along an open first axis, else 1. */
        readonly rows: number;
      }
    | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };
}

/** Sees every request that names a model: statistics, metrics, traces. */
export interface Observer {
  /** @returns what is told once how it ended */
  begun(arrival: Arrival): Observation;
}

export interface Observation {
  /** To be handed on and sent back, if the request is traced; else `null`. */
  readonly traceparent: string | null;
  ended(departure: Departure): void;
}
