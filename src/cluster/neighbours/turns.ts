import { mostTurns } from "./line-limits.ts";

/** The channels of a line are numbered, so that of two that are dialled at once both sides keep the same. */
export class Turns {
  /** Of the channel that was taken last. */
  taken = 0;
  /** The turn that the other side has been offered and has not answered. */
  offered: number | null = null;
  #highest = 0;

  /** The highest that either side is known to have used. */
  get highest(): number {
    return this.#highest;
  }

  /**
   * Offers the next one.
   *
   * @param onRestart called when they begin anew
   */
  offer(onRestart: () => void): number {
    if (this.#highest >= mostTurns) {
      this.#highest = 0;
      onRestart();
    }
    this.#highest++;
    this.offered = this.#highest;
    return this.#highest;
  }

  /** The other side's is taken, whatever it was offered. */
  take(turn: number): void {
    this.offered = null;
    this.taken = turn;
    this.learn(turn);
  }

  /** What the other side says that it has used. */
  learn(turn: unknown): void {
    if (typeof turn === "number") this.#highest = Math.max(this.#highest, turn);
  }
}
