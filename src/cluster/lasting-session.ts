import { CodedError } from "../base/errors.ts";
import type { RunResult, Session, TensorSignature, TensorValues } from "../runtime/runtime.ts";
import { coded } from "./protocol.ts";

/** So often in a row a session may die without having run; an input that kills it is tried twice. */
const mostDeaths = 2;

/**
 * A session that is loaded again when it dies: the run that it died in fails, later ones wait. One that
 * dies three times before it has run once is lost.
 */
export class LastingSession implements Session {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /** Resolves when nothing can be run any more, although nobody released it. */
  readonly lost: Promise<CodedError>;
  readonly #load: () => Promise<Session>;
  #session: Session;
  #reviving: Promise<void> | null = null;
  /** Since it has run. */
  #deaths = 0;
  readonly #dead = new WeakSet<Session>();
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

  /**
   * @throws what the session throws, with `details.isDead` if it died in this run; and when it is lost,
   * why
   */
  async run(inputs: TensorValues): Promise<RunResult> {
    while (this.#reviving !== null) await this.#reviving;
    if (this.#failure !== null) throw this.#failure;
    const session = this.#session;
    try {
      const result = await session.run(inputs);
      this.#deaths = 0;
      return result;
    } catch (cause) {
      if (!this.#dead.has(session)) throw cause;
      const { code, message, details } = coded(cause);
      throw new CodedError(code, message, { ...details, isDead: true }, cause);
    }
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    // What is being loaded is released when it is there; nobody need wait for it.
    if (this.#reviving === null && !this.#dead.has(this.#session)) await this.#session.release();
  }

  #watch(session: Session): void {
    void session.died?.then((error) => {
      if (this.#isReleased) return;
      this.#dead.add(session);
      const reviving = this.#revive(session, error).finally(() => {
        if (this.#reviving === reviving) this.#reviving = null;
      });
      this.#reviving = reviving;
    });
  }

  async #revive(dead: Session, error: CodedError): Promise<void> {
    void dead.release().catch(() => undefined);
    try {
      this.#deaths++;
      if (this.#deaths > mostDeaths) throw error;
      this.#session = await this.#load();
    } catch (cause) {
      this.#failure = coded(cause);
      this.#lose(this.#failure);
      return;
    }
    this.#watch(this.#session);
    if (this.#isReleased) await this.#session.release().catch(() => undefined);
  }
}
