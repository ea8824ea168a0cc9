/** A blob as it is put into a depot. */
export interface StockedBlob {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Where blobs are kept beside the coordinator, so that agents need not ask it for them. */
export interface BlobDepot {
  /** Resolves when all of these are there. @throws ENGINE_UNAVAILABLE */
  stock(blobs: readonly StockedBlob[]): Promise<void>;
  /**
   * Gives what is there of a blob, from an offset on and in order. Nothing proves that it is right:
   * whoever takes it checks its hash.
   *
   * @param signal nobody waits for more of it
   * @returns how far it came, perhaps not to the end
   * @throws what `take` throws; ENGINE_UNAVAILABLE
   */
  fetch(
    sha256: string,
    offset: number,
    take: (offset: number, piece: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number>;
}
