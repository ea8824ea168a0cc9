/**
 * A value that several processes see, and that only one of them at a time replaces: all that
 * leadership needs. NATS keeps it in a key of a bucket (`kv-cell`).
 *
 * @module
 */

/** What stands in a cell at one time. */
export interface Sighting {
  /** Rises with each replacement; 0: nothing was ever there. */
  readonly revision: number;
  /** Empty where nothing is. */
  readonly text: string;
}

export interface SharedCell {
  /** @throws ENGINE_UNAVAILABLE */
  read(): Promise<Sighting>;
  /**
   * Replaces what stood there at a revision.
   *
   * @returns the new revision; `null`: somebody else was first
   * @throws ENGINE_UNAVAILABLE, also where it has been replaced all the same
   */
  replace(revision: number, text: string): Promise<number | null>;
  /**
   * What stands there, now and whenever it was replaced, the latest at least. Goes on while the engine
   * cannot be reached, and ends with the signal.
   */
  watch(signal: AbortSignal): AsyncIterable<Sighting>;
}
