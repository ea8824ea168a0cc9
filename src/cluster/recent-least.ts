/** So many values of a kind are looked back at. */
const remembered = 8;
/** Those that came first are forgotten: a client may think of any number of kinds. */
const mostKinds = 1024;

/**
 * The least of the last values of a kind. Measured times count what others do on the machine in the
 * meantime, so that each is an upper limit, and the least of a few is close to what is measured.
 */
export class RecentLeast {
  readonly #values = new Map<string, number[]>();

  /** Takes a value in and gives the least of the last eight. */
  take(kind: string, value: number): number {
    const values = [...(this.#values.get(kind) ?? []), value].slice(-remembered);
    const [oldest] = this.#values.keys();
    const isFull = this.#values.size >= mostKinds && !this.#values.has(kind);
    if (isFull && oldest !== undefined) this.#values.delete(oldest);
    this.#values.set(kind, values);
    return Math.min(...values);
  }
}
