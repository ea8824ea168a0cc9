import type { CodedError } from "../base/errors.ts";

/** The end of what runs: it comes once, however often it is asked for. */
export class Ending {
  /** Resolves when it has ended: `null` if it was told to, else why. */
  readonly ended: Promise<CodedError | null>;
  #underWay: Promise<void> | null = null;
  #resolve: (error: CodedError | null) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get hasBegun(): boolean {
    return this.#underWay !== null;
  }

  /**
   * Resolves when it has ended.
   *
   * @param error why, if this is what ends it
   */
  begin(error: CodedError | null, shutDown: () => Promise<void>): Promise<void> {
    this.#underWay ??= shutDown().then(() => this.#resolve(error));
    return this.#underWay;
  }
}
