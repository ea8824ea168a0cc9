import type { CodedError } from "../base/errors.ts";
import type { RunResult, Session, TensorSignature, TensorValues } from "../runtime/runtime.ts";
import { coded } from "./protocol.ts";

/**
 * A session that is loaded again when it dies: the run that it died in fails, later ones wait. One that
 * dies again before it has run once is lost.
 */
export class LastingSession implements Session {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /** Resolves when nothing can be run any more, although nobody released it. */
  readonly lost: Promise<CodedError>;
  readonly #load: () => Promise<Session>;
  #session: Session;
  #reviving: Promise<void> | null = null;
  #isProven = true;
  #isReleased = false;
  #failure: CodedError | null = null;
  #lose: (error: CodedError) => void = () => undefined;

  /** @param load the same session once more */
  constructor(session: Session, load: () => Promise<Session>) {
    this.inputs = session.inputs;
    this.outputs = session.outputs;
    this.#load = load;
    this.#session = session;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#watch(session);
  }

  /** @throws what the session throws, and when it is lost, why */
  async run(inputs: TensorValues): Promise<RunResult> {
    await this.#reviving;
    if (this.#failure !== null) throw this.#failure;
    const session = this.#session;
    const result = await session.run(inputs);
    this.#isProven = true;
    return result;
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    // What is being loaded is released when it is there; nobody need wait for it.
    if (this.#reviving === null) await this.#session.release();
  }

  #watch(session: Session): void {
    void session.died?.then((error) => {
      if (!this.#isReleased) this.#reviving = this.#revive(session, error);
    });
  }

  async #revive(dead: Session, error: CodedError): Promise<void> {
    try {
      if (!this.#isProven) throw error;
      this.#isProven = false;
      void dead.release().catch(() => undefined);
      this.#session = await this.#load();
      this.#watch(this.#session);
    } catch (cause) {
      this.#failure = coded(cause);
      this.#lose(this.#failure);
    }
    this.#reviving = null;
    if (this.#isReleased) await this.#session.release().catch(() => undefined);
  }
}
