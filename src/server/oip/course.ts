import type { Clock } from "../../base/clock.ts";
import { isCoded, messageOf } from "../../base/errors.ts";
import type { Inference } from "../../cluster/inference.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Arrival, Departure, Observation, Observer } from "../observer.ts";

/** What is known of a request before it has been read. */
type Announced = Omit<Arrival, "id" | "inputBytes">;

/** One request as the observers see it: each is told once that it began and once how it ended. */
export class Course {
  readonly #observers: readonly Observer[];
  readonly #clock: Clock;
  readonly #call: Announced;
  readonly #start: number;
  #observations: readonly Observation[] | null = null;
  #inputSeconds = 0;
  #outputSeconds = 0;
  #hasEnded = false;

  constructor(observers: readonly Observer[], clock: Clock, call: Announced) {
    this.#observers = observers;
    this.#clock = clock;
    this.#call = call;
    this.#start = clock.now();
  }

  get traceparent(): string | null {
    const parents = this.#observations?.map(({ traceparent }) => traceparent) ?? [];
    return parents.find((traceparent) => traceparent !== null) ?? null;
  }

  read<R extends { readonly id: string | null; readonly inputs: TensorValues }>(read: () => R): R {
    try {
      const request = read();
      this.#begin(request.id, bytesOf(request.inputs));
      return request;
    } finally {
      this.#inputSeconds = this.#clock.now() - this.#start;
    }
  }

  /** @param rows inferences that it asked for at once */
  write<T>(inference: Inference, rows: number, write: () => T): T {
    const start = this.#clock.now();
    const written = write();
    this.#outputSeconds = this.#clock.now() - start;
    this.#end({ type: "answered", inference, rows }, bytesOf(inference.outputs));
    return written;
  }

  fail(error: unknown): void {
    if (this.#hasEnded) return;
    const code = isCoded(error) ? error.code : "RUNTIME_FAILED";
    this.#end({ type: "failed", code, message: messageOf(error) }, 0);
  }

  #begin(id: string | null, inputBytes: number): readonly Observation[] {
    const { model, version, protocol, traceparent, tracestate } = this.#call;
    const arrival = { model, version, protocol, id, inputBytes, traceparent, tracestate };
    this.#observations = this.#observers.map((observer) => observer.begun(arrival));
    return this.#observations;
  }

  #end(outcome: Departure["outcome"], outputBytes: number): void {
    this.#hasEnded = true;
    const departure = {
      inputSeconds: this.#inputSeconds,
      outputSeconds: this.#outputSeconds,
      totalSeconds: this.#clock.now() - this.#start,
      outputBytes,
      outcome,
    };
    // What could not be read has no id and no bytes.
    for (const observation of this.#observations ?? this.#begin(null, 0)) {
      observation.ended(departure);
    }
  }
}

function bytesOf(values: TensorValues): number {
  return Object.values(values).reduce((bytes, { data }) => bytes + data.byteLength, 0);
}
