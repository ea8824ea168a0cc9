/** The least of values that each count up to an end of their own; O(1) a value over all calls. */
export class LeastInWindow {
  readonly #values: number[] = [];
  readonly #untils: number[] = [];
  #first = 0;

  /** @param until not before that of any value already there */
  push(value: number, until: number): void {
    // What is no less and ends no later will never be the least again.
    while (this.#values.length > this.#first && (this.#values.at(-1) as number) >= value) {
      this.#values.pop();
      this.#untils.pop();
    }
    this.#values.push(value);
    this.#untils.push(until);
  }

  /** The least value that counts at a place, places ascending; `Infinity`: none. */
  at(place: number): number {
    while (this.#first < this.#values.length && (this.#untils[this.#first] as number) < place) {
      this.#first++;
    }
    return this.#values[this.#first] ?? Number.POSITIVE_INFINITY;
  }
}
