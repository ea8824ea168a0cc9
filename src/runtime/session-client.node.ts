import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { CodedError, messageOf } from "../base/errors.ts";
import type { TensorValues } from "./runtime.ts";
import { loadError, runError } from "./runtime-error.ts";
import type {
  LoadRequest,
  RunTime,
  RuntimeTensor,
  SessionReply,
  SessionRequest,
} from "./session-protocol.ts";

interface Waiting {
  readonly resolve: (reply: SessionReply) => void;
  readonly reject: (error: CodedError) => void;
}

/** What a `repeat` may take: at least so many runs, then until the time or the count is used up. */
export interface RepeatLimits {
  readonly atLeast: number;
  readonly atMost: number;
  readonly seconds: number;
}

/**
 * The near side of a session's thread: sends requests, which are served in order. A thread that dies
 * rejects all that wait with RUNTIME_FAILED. An idle thread does not keep the process alive.
 */
export class SessionClient {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #failure: CodedError | null = null;
  readonly #ended: Promise<void>;
  /** Resolves when the thread has gone, although nobody released it. */
  readonly died: Promise<CodedError>;
  #die: (error: CodedError) => void = () => undefined;
  /** As the runtime declares them. */
  inputs: readonly RuntimeTensor[] = [];
  outputs: readonly RuntimeTensor[] = [];

  private constructor() {
    // The library reports its use to its maker unless told otherwise before it is loaded. It does not
    // see the copy of the environment that a thread has.
    process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
    // Tensors count as part of V8's heap. As small as it is here, some tens of them would have it collect
    // all of it, for several milliseconds each time; with this those that die young never do.
    setFlagsFromString("--heap-growing-percent=300");
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    this.#worker = new Worker(createRequire(import.meta.url).resolve("#session-thread"));
    this.#worker.on("message", (reply: SessionReply) => this.#settle(reply));
    this.#worker.on("error", (error) =>
      this.#fail(`the thread of the session failed: ${messageOf(error)}`, error),
    );
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#fail(`the thread of the session ended (exit code ${code})`);
        resolve();
      });
    });
  }

  /**
   * Creates the session in a thread of its own. The buffers of the request are transferred.
   *
   * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
   */
  static async start(request: Omit<LoadRequest, "type">): Promise<SessionClient> {
    const client = new SessionClient();
    const reply = await client.#send({ type: "load", ...request });
    if (reply.type === "failed") throw loadError(reply.message);
    if (reply.type !== "loaded") throw new Error(`loading was answered with '${reply.type}'`);
    client.inputs = reply.inputs;
    client.outputs = reply.outputs;
    return client;
  }

  /** @throws RUNTIME_FAILED */
  async run(inputs: TensorValues): Promise<{ outputs: TensorValues; time: RunTime }> {
    const reply = await this.#request({ type: "run", inputs: owned(inputs) });
    if (reply.type !== "ran") throw new Error(`a run was answered with '${reply.type}'`);
    return reply;
  }

  /**
   * Runs on the same inputs, which are left to the caller, and drops the outputs. Fewer runs, even
   * none, after `stop`.
   */
  async repeat(inputs: TensorValues, limits: RepeatLimits): Promise<readonly RunTime[]> {
    const stop = this.#stop;
    const request = { type: "repeat", inputs: copied(inputs), ...limits, stop } as const;
    const reply = await this.#request(request);
    if (reply.type !== "repeated") throw new Error(`runs were answered with '${reply.type}'`);
    return reply.times;
  }

  /** Waits for what was asked before, then ends the thread. Idempotent. */
  async release(): Promise<void> {
    if (this.#failure === null) {
      const released = this.#request({ type: "release" });
      this.#failure = new CodedError("RUNTIME_FAILED", "the session was released");
      await released;
    }
    // The last reply let go of the thread; whoever waits for its end must not exit before.
    this.#worker.ref();
    await this.#ended;
  }

  /** Lets `repeat` end behind the run that it is in, now and from now on. */
  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  /** Ends the thread at once. In the middle of a run that may end the whole process: first `stop`. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async #request(request: SessionRequest): Promise<SessionReply> {
    if (this.#failure !== null) throw this.#failure;
    const reply = await this.#send(request);
    if (reply.type === "failed") throw runError(reply.message);
    return reply;
  }

  #send(request: SessionRequest): Promise<SessionReply> {
    this.#worker.ref();
    this.#worker.postMessage(request, buffersOf(request));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #settle(reply: SessionReply): void {
    this.#waiting.shift()?.resolve(reply);
    if (this.#waiting.length === 0) this.#worker.unref();
  }

  #fail(message: string, cause?: unknown): void {
    if (this.#failure === null) {
      this.#failure = new CodedError("RUNTIME_FAILED", message, {}, cause);
      // Before those that wait: who runs something next must know by then.
      this.#die(this.#failure);
    }
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

function buffersOf(request: SessionRequest): ArrayBuffer[] {
  switch (request.type) {
    case "load":
      return [request.skeleton.buffer, ...request.weights.map(({ data }) => data.buffer)];
    case "release":
      return [];
    default:
      // One buffer may be the value of two inputs.
      return [...new Set(Object.values(request.inputs).map(({ data }) => data.buffer))];
  }
}

/** A view of a part of a buffer is copied: transferring it would take the rest away from its owner. */
function owned(values: TensorValues): TensorValues {
  return mapData(values, (data) =>
    data.byteLength === data.buffer.byteLength ? data : new Uint8Array(data),
  );
}

function copied(values: TensorValues): TensorValues {
  return mapData(values, (data) => new Uint8Array(data));
}

function mapData(
  values: TensorValues,
  change: (data: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
): TensorValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { ...value, data: change(value.data) }]),
  );
}
