import { MessageChannel, type MessagePort } from "node:worker_threads";
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
import { enterWorker, leaveWorker, type SessionWorker } from "./session-worker.node.ts";

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
  readonly #thread: SessionWorker;
  readonly #port: MessagePort;
  readonly #waiting: Waiting[] = [];
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #failure: CodedError | null = null;
  #left: Promise<void> | null = null;
  /** Resolves when the thread has gone, although nobody released it. */
  readonly died: Promise<CodedError>;
  #die: (error: CodedError) => void = () => undefined;
  /** As the runtime declares them. */
  inputs: readonly RuntimeTensor[] = [];
  outputs: readonly RuntimeTensor[] = [];

  private constructor(isShared: boolean) {
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    this.#thread = enterWorker(isShared);
    const { worker } = this.#thread;
    worker.on("error", this.#onError);
    worker.on("exit", this.#onExit);
    const { port1: near, port2: far } = new MessageChannel();
    this.#port = near;
    near.on("message", (reply: SessionReply) => this.#settle(reply));
    near.unref();
    worker.postMessage(far, [far]);
  }

  readonly #onError = (error: unknown): void =>
    this.#fail(`the thread of the session failed: ${messageOf(error)}`, error);

  readonly #onExit = (code: number): void =>
    this.#fail(`the thread of the session ended (exit code ${code})`);

  /**
   * Creates the session in a thread of its own; thrifty ones share a thread. The buffers of the request
   * are transferred.
   *
   * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
   */
  static async start(request: Omit<LoadRequest, "type">): Promise<SessionClient> {
    const client = new SessionClient(request.thrifty === true);
    try {
      await client.#load({ type: "load", ...request });
      return client;
    } catch (error) {
      void client.#leave();
      throw error;
    }
  }

  async #load(request: LoadRequest): Promise<void> {
    const reply = await this.#send(request);
    if (reply.type === "failed") throw loadError(reply.message);
    if (reply.type !== "loaded") throw new Error(`loading was answered with '${reply.type}'`);
    this.inputs = reply.inputs;
    this.outputs = reply.outputs;
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

  /** Waits for what was asked before, then ends the thread if nobody else is in it. Idempotent. */
  async release(): Promise<void> {
    try {
      if (this.#failure === null) {
        const released = this.#request({ type: "release" });
        this.#failure = new CodedError("RUNTIME_FAILED", "the session was released");
        await released;
      }
    } finally {
      await this.#leave();
    }
  }

  #leave(): Promise<void> {
    this.#left ??= leaveWorker(this.#thread).then(() => {
      this.#port.close();
      this.#thread.worker.off("error", this.#onError);
      this.#thread.worker.off("exit", this.#onExit);
    });
    return this.#left;
  }

  /** Lets `repeat` end behind the run that it is in, now and from now on. */
  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  /** Ends the thread at once, with all that share it. In the middle of a run that may end the whole process: first `stop`. */
  async terminate(): Promise<void> {
    await this.#thread.worker.terminate();
  }

  async #request(request: SessionRequest): Promise<SessionReply> {
    if (this.#failure !== null) throw this.#failure;
    const reply = await this.#send(request);
    if (reply.type === "failed") throw runError(reply.message);
    return reply;
  }

  #send(request: SessionRequest): Promise<SessionReply> {
    this.#port.ref();
    this.#port.postMessage(request, buffersOf(request));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #settle(reply: SessionReply): void {
    this.#waiting.shift()?.resolve(reply);
    if (this.#waiting.length === 0) this.#port.unref();
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
      return [
        ...(typeof request.skeleton === "string" ? [] : [request.skeleton.buffer]),
        ...request.weights.map(({ data }) => data.buffer),
      ];
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
