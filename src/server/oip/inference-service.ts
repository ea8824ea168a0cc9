/**
 * What every protocol does with a request once its own form has been read: the model is found, the
 * request is checked and asked, and whoever looks on is told.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Seconds } from "../../base/units.ts";
import type { Inference } from "../../cluster/inference.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import { checkInputs } from "../../runtime/signature.ts";
import type { Arrival, Observer } from "../observer.ts";
import type { ModelRepository, RepositoryEntry, ServedModel } from "../served-model.ts";
import { rowsOf } from "./batch-axis.ts";
import { Course } from "./course.ts";
import { datatypeOf } from "./datatypes.ts";
import { Statistics } from "./statistics.ts";
import { UnderWay } from "./under-way.ts";

export interface InferenceServiceOptions {
  readonly repository: ModelRepository;
  readonly observers: readonly Observer[];
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly calendar: () => number;
}

/** What is known of a request before it has been read. */
export interface Call {
  readonly model: string;
  /** Empty: the one that there is. */
  readonly version: string;
  readonly protocol: Arrival["protocol"];
  /** W3C trace context as it came; `null`: none did. */
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  /** Gives the request up; its reason is thrown. */
  readonly signal: AbortSignal;
}

export interface InferenceRequest {
  /** The client's name for it, which only comes back to it; `null`: it gave none. */
  readonly id: string | null;
  /** The same again is the same request, and gets the same answer; `null`: it is asked once. */
  readonly idempotencyKey: string | null;
  readonly inputs: TensorValues;
  /** Names, in the order of the answer; `null`: all, in the order of the model. */
  readonly outputs: readonly string[] | null;
  /** From now on; `null`: as long as it takes. */
  readonly deadlineSeconds: number | null;
}

export interface InferenceAnswer {
  readonly model: ServedModel;
  /** With the outputs that were asked for. */
  readonly inference: Inference;
  /** The same, in the order in which they are to be sent: an object has its own for names like `12`. */
  readonly outputs: readonly NamedValue[];
  /** To be sent back; `null`: it is not traced. */
  readonly traceparent: string | null;
}

interface NamedValue {
  readonly name: string;
  readonly value: TensorValue;
}

/** Requests that are answered at a time: each takes far more memory than its bytes. */
const mostUnderWay = 4096;

/** Answers requests of all protocols, until it drains. */
export class InferenceService {
  readonly repository: ModelRepository;
  readonly statistics: Statistics;
  readonly #observers: readonly Observer[];
  readonly #clock: Clock;
  readonly #underWay = new UnderWay(mostUnderWay);
  #isDraining = false;

  constructor({ repository, observers, clock, calendar }: InferenceServiceOptions) {
    this.repository = repository;
    this.statistics = new Statistics(calendar);
    this.#observers = [this.statistics, ...observers];
    this.#clock = clock;
  }

  /** Whether all has begun that is to be served from the beginning on, some of it can be asked, and it does not drain. */
  get isReady(): boolean {
    if (this.#isDraining || this.repository.isStarting) return false;
    return this.repository.index().some(({ state }) => state === "READY");
  }

  /** Whether a model can be asked now; one that there is not cannot. */
  isModelReady(name: string, version = ""): boolean {
    const entry = this.#entryOf(name, version);
    return !this.#isDraining && entry?.state === "READY";
  }

  /**
   * Takes no new requests. Resolves when all that were taken are answered; what is not within `limit`
   * ends in MODEL_NOT_READY.
   */
  async drain(limit: Seconds): Promise<void> {
    this.#isDraining = true;
    await this.#underWay.end(limit, this.#clock, () => shutDown(limit));
  }

  /**
   * A model that takes requests now.
   *
   * @param version empty or left out: the one that there is
   * @throws MODEL_UNKNOWN, MODEL_NOT_READY
   */
  find(name: string, version = ""): ServedModel {
    const model = this.repository.find(name, version);
    if (!this.#isDraining) return model;
    throw new CodedError(
      "MODEL_NOT_READY",
      "this server is shutting down and takes no new requests; ask another one, or again later",
    );
  }

  /**
   * Answers one request.
   *
   * @param read reads it from the form of its protocol
   * @param write makes the protocol's answer
   * @returns what `write` made
   * @throws MODEL_UNKNOWN, MODEL_NOT_READY; DEVICE_BUSY; REQUEST_INVALID if an output is asked for twice;
   * TENSOR_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH; what `read`, `write` and
   * `ServedModel.infer` throw
   */
  async infer<R extends InferenceRequest, T>(
    call: Call,
    read: () => R,
    write: (answer: InferenceAnswer, request: R) => T,
  ): Promise<T> {
    const course = new Course(this.#observers, this.#clock, this.#named(call));
    try {
      return await this.#underWay.run(call.signal, async (signal) => {
        const request = course.read(read);
        const answer = await this.#ask({ ...call, signal }, request);
        return course.write(answer.inference, rowsOf(answer.model, request.inputs), () =>
          write({ ...answer, traceparent: course.traceparent }, request),
        );
      });
    } catch (error) {
      course.fail(error);
      throw error;
    }
  }

  /** The call with the version that it means: names that nobody gave reach no observer. */
  #named(call: Call): Call {
    const entry = this.#entryOf(call.model, call.version);
    // The repository says best what is wrong.
    const { version } = entry ?? this.repository.find(call.model, call.version);
    return { ...call, version };
  }

  #entryOf(model: string, asked: string): RepositoryEntry | undefined {
    return this.repository
      .index()
      .find(({ name, version }) => name === model && (asked === "" || asked === version));
  }

  async #ask(call: Call, request: InferenceRequest): Promise<Omit<InferenceAnswer, "traceparent">> {
    const model = this.find(call.model, call.version);
    const names = checkOutputs(model, request.outputs);
    checkInputs(model.inputs, request.inputs, (dataType) => datatypeOf(dataType) ?? dataType);
    const { idempotencyKey: id, deadlineSeconds } = request;
    const inference = await model.infer(request.inputs, {
      ...(id === null ? {} : { id }),
      deadlineSeconds,
      signal: call.signal,
    });
    const outputs = names.flatMap((name) => {
      const value = Object.hasOwn(inference.outputs, name) ? inference.outputs[name] : undefined;
      return value === undefined ? [] : [{ name, value }];
    });
    const chosen = Object.fromEntries(outputs.map(({ name, value }) => [name, value]));
    return { model, outputs, inference: { ...inference, outputs: chosen } };
  }
}

/** @throws REQUEST_INVALID if one is asked for twice; TENSOR_UNKNOWN if there is no such output */
function checkOutputs(model: ServedModel, asked: readonly string[] | null): readonly string[] {
  const known = model.outputs.map(({ name }) => name);
  if (asked === null) return known;
  for (const [index, name] of asked.entries()) {
    if (asked.indexOf(name) !== index) {
      throw new CodedError("REQUEST_INVALID", `output '${name}' is asked for twice`, {
        tensor: name,
      });
    }
    if (known.includes(name)) continue;
    const listed = known.map((output) => `'${output}'`).join(", ");
    throw new CodedError(
      "TENSOR_UNKNOWN",
      `model '${model.name}' has no output '${name}'; its outputs are ${listed}`,
      { tensor: name },
    );
  }
  return asked;
}

function shutDown(limit: Seconds): CodedError {
  return new CodedError(
    "MODEL_NOT_READY",
    `this server is shutting down, and the answer was not there ${limit} s later; ask another one`,
    { limitSeconds: limit },
  );
}
