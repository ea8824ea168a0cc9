import { CodedError, errorTraits, isCoded } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { DeclaredTensor } from "../runtime/signature.ts";
import { type ClientLine, type Dialling, dialClient } from "./client-line.ts";
import { type Asked, checkId, closedError, type Inference } from "./inference.ts";

export interface ClientOptions extends Dialling {
  /** Of the coordinator, which says where requests are taken, or of the source's agent. */
  readonly address: string;
  /** Left out: when the channel ends, so do the client and what it has asked. */
  readonly retry?: ClientRetry;
}

/** Dials again when a channel ends, and sends what is unanswered again, under the same ids. */
export interface ClientRetry {
  /** Makes an id that nobody else has, at most 128 characters. */
  readonly newId: () => string;
  /** How long nobody may be there. Default: 30 s. */
  readonly limitSeconds?: number;
  /** The same, before anybody was there. Default: `limitSeconds`. */
  readonly firstSeconds?: number;
}

export interface InferOptions {
  /** From now on; `null` (the default): as long as it takes. */
  readonly deadlineSeconds?: number | null;
  /** The same id again is the same request, and gets the same answer. 1 to 128 characters. */
  readonly id?: string;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** A program that asks a cluster. Requests overlap; answers may overtake each other. */
export interface Client extends AsyncDisposable {
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  /** Whether speeds and links are imitated on one machine. */
  readonly emulated: boolean;
  /** How many requests are taken at once; more wait here. */
  readonly window: number;
  /** Resolves when it has ended, with the reason: `infer` is then of no use any more. */
  readonly ended: Promise<CodedError>;
  /**
   * Asks for an answer. The inputs must stay untouched until then.
   *
   * @throws TENSOR_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH, REQUEST_DEADLINE_EXCEEDED,
   * RUNTIME_FAILED; REQUEST_ID_TAKEN if other inputs were asked under the id; USAGE_INVALID if it is
   * too long; DEVICE_LOST if the source or the sink is lost; CHANNEL_CLOSED if the cluster or the
   * client is closed; the signal's reason
   */
  infer(inputs: TensorValues, options?: InferOptions): Promise<Inference>;
  close(): Promise<void>;
}

/**
 * Connects to a cluster that is up; with `retry`, waits for it.
 *
 * @throws CHANNEL_CLOSED if nobody answers; DEVICE_LOST if the source has not joined; TOKEN_REFUSED
 */
export async function connectClient(options: ClientOptions): Promise<Client> {
  const dialler = new Dialler(options);
  const line = await dialler.dial(options.retry?.firstSeconds);
  return new ConnectedClient(line, dialler, options);
}

/** Waits between two attempts to dial. */
const shortestWaitSeconds = 0.05;
const longestWaitSeconds = 1;
const defaultLimitSeconds = 30;
/** How much later than its deadline a request that was sent may be answered: whoever took it says why. */
const graceSeconds = seconds(1);

/** Finds whoever takes requests, now and when it has gone. */
class Dialler {
  readonly #options: ClientOptions;
  readonly #closed = new AbortController();
  /** Where requests were taken last: the coordinator may not be there to say it again. */
  #elsewhere: readonly string[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async dial(patienceSeconds?: number): Promise<ClientLine> {
    const { clock, retry } = this.#options;
    const { limitSeconds: usual = defaultLimitSeconds } = retry ?? { limitSeconds: 0 };
    const limitSeconds = patienceSeconds ?? usual;
    const start = clock.now();
    for (let wait = shortestWaitSeconds; ; wait = Math.min(2 * wait, longestWaitSeconds)) {
      try {
        return await this.#once();
      } catch (error) {
        const isFinal = !isCoded(error) || !errorTraits[error.code].retryable;
        if (isFinal || clock.now() + wait > start + limitSeconds) throw error;
      }
      await clock.sleep(seconds(wait), this.#closed.signal);
    }
  }

  /** Ends an attempt that waits. */
  close(): void {
    this.#closed.abort(closedError());
  }

  async #once(): Promise<ClientLine> {
    const { address } = this.#options;
    const addresses = [...new Set([address, ...this.#elsewhere])];
    return await dialClient(this.#options, addresses, (elsewhere) => {
      this.#elsewhere = elsewhere;
    });
  }
}

interface Pending {
  readonly inputs: TensorValues;
  readonly id: string | null;
  /** On the clock; `null`: none. */
  readonly deadline: number | null;
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: unknown) => void;
  readonly done: AbortController;
  /** `null`: it waits for room or for a line. */
  asked: Asked | null;
}

class ConnectedClient implements Client {
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly emulated: boolean;
  readonly window: number;
  readonly ended: Promise<CodedError>;
  readonly #options: ClientOptions;
  readonly #dialler: Dialler;
  readonly #pending = new Set<Pending>();
  /** `null` while it is dialled again. */
  #line: ClientLine | null = null;
  #failure: CodedError | null = null;
  #resolveEnded: (why: CodedError) => void = () => undefined;

  constructor(line: ClientLine, dialler: Dialler, options: ClientOptions) {
    const { model, inputs, outputs, emulated, window } = line.opened;
    this.model = model;
    this.inputs = inputs;
    this.outputs = outputs;
    this.emulated = emulated;
    this.window = window;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#options = options;
    this.#dialler = dialler;
    this.#take(line);
  }

  async infer(inputs: TensorValues, options: InferOptions = {}): Promise<Inference> {
    const { deadlineSeconds = null, signal, id } = options;
    const { clock, retry } = this.#options;
    if (this.#failure !== null) throw this.#failure;
    signal?.throwIfAborted();
    checkId(id);
    const done = new AbortController();
    const deadline = deadlineSeconds === null ? null : clock.now() + deadlineSeconds;
    const answered = new Promise<Inference>((resolve, reject) => {
      const own = id ?? retry?.newId() ?? null;
      const pending = { inputs, id: own, deadline, resolve, reject, done, asked: null };
      this.#pending.add(pending);
      const abort = () => this.#giveUp(pending, signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      done.signal.addEventListener("abort", () => signal?.removeEventListener("abort", abort));
      if (deadlineSeconds !== null) void this.#expire(pending, deadlineSeconds);
    });
    this.#send();
    return await answered;
  }

  async close(): Promise<void> {
    const line = this.#line;
    this.#end(closedError());
    this.#dialler.close();
    await line?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends what waits, the oldest first, as far as there is room. */
  #send(): void {
    const line = this.#line;
    if (line === null) return;
    let room = line.opened.window;
    for (const pending of this.#pending) {
      if (room === 0) return;
      room--;
      if (pending.asked !== null) continue;
      const { inputs, id, deadline } = pending;
      const left = deadline === null ? null : Math.max(0, deadline - this.#options.clock.now());
      pending.asked = line.ask({ inputs, id, deadlineSeconds: left });
      void this.#follow(pending, pending.asked, line);
    }
  }

  async #follow(pending: Pending, asked: Asked, line: ClientLine): Promise<void> {
    try {
      const inference = await asked.answered;
      if (this.#settle(pending)) pending.resolve(inference);
    } catch (error) {
      if (error === line.failure) {
        // It is sent again when there is a line again; if there is none, all are told.
        pending.asked = null;
        if (this.#line !== line) this.#send();
      } else if (this.#settle(pending)) pending.reject(error);
    }
  }

  /** @returns whether it was pending */
  #settle(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    pending.done.abort();
    this.#send();
    return true;
  }

  #giveUp(pending: Pending, error: unknown): void {
    // Before another one takes its place: whoever takes requests reads on only while there is room.
    pending.asked?.withdraw();
    if (this.#settle(pending)) pending.reject(error);
  }

  async #expire(pending: Pending, deadlineSeconds: number): Promise<void> {
    const { clock } = this.#options;
    try {
      await clock.sleep(seconds(deadlineSeconds), pending.done.signal);
      if (pending.asked !== null) await clock.sleep(graceSeconds, pending.done.signal);
    } catch {
      // It was answered in time.
      return;
    }
    const message = `no answer came within ${deadlineSeconds} s (${this.#line === null ? "nobody took requests" : `${this.#pending.size} requests of this client were unanswered`})`;
    this.#giveUp(
      pending,
      new CodedError("REQUEST_DEADLINE_EXCEEDED", message, { deadlineSeconds }),
    );
  }

  #take(line: ClientLine): void {
    this.#line = line;
    void line.ended.then((why) => this.#redial(why));
    this.#send();
  }

  async #redial(why: CodedError): Promise<void> {
    this.#line = null;
    const isFinal = this.#options.retry === undefined || !errorTraits[why.code].retryable;
    if (isFinal || this.#failure !== null) {
      this.#end(why);
      return;
    }
    try {
      const line = await this.#dialler.dial();
      if (this.#failure === null) this.#take(line);
      else await line.close();
    } catch (error) {
      // That nobody answers now says less than what happened to the requests.
      const isNews = isCoded(error) && error.code !== "CHANNEL_CLOSED";
      this.#end(isNews ? error : why);
    }
  }

  #end(why: CodedError): void {
    this.#failure ??= why;
    this.#line = null;
    this.#resolveEnded(this.#failure);
    for (const pending of [...this.#pending]) {
      if (this.#settle(pending)) pending.reject(this.#failure);
    }
  }
}
