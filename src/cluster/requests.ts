import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Report, RequestTimings } from "./message.ts";

/** The answer to a request. */
export interface Inference {
  readonly outputs: TensorValues;
  readonly timings: RequestTimings;
}

export interface RequestsOptions {
  readonly clock: Clock;
  /** How many requests may be in flight; more wait, first come, first served. */
  readonly window: number;
  /** Names of the tensors that make an answer complete. */
  readonly outputs: readonly string[];
  /** How many devices report when they have done their work for a request. */
  readonly reporters: number;
  /** Sends a request on its way. */
  readonly start: (request: number, inputs: TensorValues) => void;
  /** Tells the devices that nobody waits for a request any more. */
  readonly forget: (request: number) => void;
}

interface Pending {
  readonly inputs: TensorValues;
  readonly askedAt: number;
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: unknown) => void;
  /** Ends the wait for its deadline. */
  readonly settled: AbortController;
  readonly outputs: Record<string, TensorValue>;
  readonly reports: Report[];
  startedAt: number;
  answeredAt: number;
}

/**
 * The requests of one deployment: those that wait for room, those in flight, and what has come back.
 * A request leaves the window when every device has reported: so no device ever holds more than
 * `window` requests.
 */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #waiting = new Map<number, Pending>();
  readonly #inFlight = new Map<number, Pending>();
  #last = 0;
  #open = false;
  #failure: CodedError | null = null;
  #peakInFlight = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** The most requests that were ever in flight at once. */
  get peakInFlight(): number {
    return this.#peakInFlight;
  }

  /** Lets requests in; until then they wait. */
  open(): void {
    this.#open = true;
    this.#admit();
  }

  /**
   * Asks for an answer. The inputs must stay untouched until then.
   *
   * @param deadlineSeconds from now on; `null`: as long as it takes
   * @throws REQUEST_DEADLINE_EXCEEDED, DEVICE_LOST, RUNTIME_FAILED
   */
  async infer(inputs: TensorValues, deadlineSeconds: number | null): Promise<Inference> {
    if (this.#failure !== null) throw this.#failure;
    const { clock } = this.#options;
    this.#last++;
    const request = this.#last;
    return await new Promise<Inference>((resolve, reject) => {
      const settled = new AbortController();
      const times = { askedAt: clock.now(), startedAt: 0, answeredAt: 0 };
      this.#waiting.set(request, {
        ...times,
        inputs,
        resolve,
        reject,
        settled,
        outputs: {},
        reports: [],
      });
      if (deadlineSeconds !== null) {
        void this.#expire(request, deadlineSeconds, settled.signal);
      }
      this.#admit();
    });
  }

  /** A graph output has arrived; late ones of requests that have failed are dropped. */
  accept(request: number, tensor: string, value: TensorValue): void {
    const pending = this.#inFlight.get(request);
    if (pending === undefined) return;
    pending.outputs[tensor] = value;
    pending.answeredAt = this.#options.clock.now();
    this.#settle(request, pending);
  }

  report(report: Report): void {
    const pending = this.#inFlight.get(report.request);
    if (pending === undefined) return;
    pending.reports.push(report);
    this.#settle(report.request, pending);
  }

  /** A request cannot be answered. */
  fail(request: number, error: unknown): void {
    const pending = this.#inFlight.get(request) ?? this.#waiting.get(request);
    if (pending === undefined) return;
    if (this.#inFlight.has(request)) this.#options.forget(request);
    this.#leave(request, pending);
    pending.reject(error);
    this.#admit();
  }

  /** No request can be answered any more: all are rejected, and all that may come. */
  end(error: CodedError): void {
    this.#failure ??= error;
    for (const [request, pending] of [...this.#inFlight, ...this.#waiting]) {
      this.#leave(request, pending);
      pending.reject(this.#failure);
    }
  }

  #admit(): void {
    for (const [request, pending] of this.#waiting) {
      if (!this.#open || this.#inFlight.size >= this.#options.window) return;
      this.#waiting.delete(request);
      this.#inFlight.set(request, pending);
      this.#peakInFlight = Math.max(this.#peakInFlight, this.#inFlight.size);
      pending.startedAt = this.#options.clock.now();
      this.#options.start(request, pending.inputs);
    }
  }

  #settle(request: number, pending: Pending): void {
    const { outputs, reporters } = this.#options;
    if (pending.reports.length < reporters) return;
    if (!outputs.every((name) => Object.hasOwn(pending.outputs, name))) return;
    this.#leave(request, pending);
    pending.resolve({ outputs: pending.outputs, timings: timingsOf(pending) });
    this.#admit();
  }

  #leave(request: number, pending: Pending): void {
    this.#waiting.delete(request);
    this.#inFlight.delete(request);
    pending.settled.abort();
  }

  async #expire(request: number, deadlineSeconds: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.sleep(seconds(deadlineSeconds), signal);
    } catch {
      // It was settled in time.
      return;
    }
    const state = this.#inFlight.has(request) ? "in flight" : "waiting for room in the window";
    this.fail(
      request,
      new CodedError(
        "REQUEST_DEADLINE_EXCEEDED",
        `request ${request} was not answered within ${deadlineSeconds} s (it was ${state}, ${this.#inFlight.size} of ${this.#options.window} in flight)`,
        { request, deadlineSeconds },
      ),
    );
  }
}

function timingsOf({ askedAt, startedAt, answeredAt, reports }: Pending): RequestTimings {
  return {
    waitSeconds: startedAt - askedAt,
    totalSeconds: answeredAt - startedAt,
    stages: reports.flatMap(({ stages }) => stages),
    hops: reports.flatMap(({ hops }) => hops),
  };
}

/** What is in flight is held in memory somewhere. */
const mostInFlight = 128;

/**
 * So many requests fill a pipeline: those that are on their way anyway, and one that waits at each
 * stage and hop, for what comes early or late.
 */
export function windowOf({
  claimed,
  stages,
  transfers,
}: Pick<Plan, "claimed" | "stages" | "transfers">): number {
  const { latencySeconds, periodSeconds } = claimed;
  const onTheWay = periodSeconds > 0 ? Math.ceil(latencySeconds / periodSeconds) : 1;
  const filled = Math.min(mostInFlight, onTheWay + stages.length + transfers.length);
  return Math.max(2 * stages.length + 2, filled);
}
