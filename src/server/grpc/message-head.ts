/** A byte that says whether the message is compressed, and four of its length. */
const headBytes = 5;
/** To how many bytes each one of deflate or gzip can grow. */
const mostExpansion = 1032;

/** What stands in front of a message of gRPC, put together of what comes. */
export class MessageHead {
  readonly #bytes = new DataView(new ArrayBuffer(headBytes));
  #read = 0;

  get isWhole(): boolean {
    return this.#read === headBytes;
  }

  /** Of the message, as it is sent. */
  get announced(): number {
    return this.#bytes.getUint32(1);
  }

  get isCompressed(): boolean {
    return this.#bytes.getUint8(0) !== 0;
  }

  /** @returns how many of the bytes from `at` on belong to it */
  take(bytes: Uint8Array, at: number): number {
    const more = Math.min(headBytes - this.#read, bytes.byteLength - at);
    for (let index = 0; index < more; index++) {
      this.#bytes.setUint8(this.#read++, bytes[at + index] ?? 0);
    }
    return more;
  }

  /** What the message can be when it is no longer compressed. @param most more is made of none */
  unpackedBytes(most: number): number {
    return this.isCompressed ? Math.min(mostExpansion * this.announced, most) : this.announced;
  }

  /** Another message begins. */
  clear(): void {
    this.#read = 0;
  }
}
