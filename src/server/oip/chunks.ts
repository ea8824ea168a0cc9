/** A shorter piece costs more to keep than to copy: an object for each byte is what a hostile body is made of. */
const leastKept = 4096;
const largestBlock = 65_536;

/** A body as it came, in pieces. What is taken out of it is copied once. */
export class Chunks {
  readonly #pieces: Uint8Array[] = [];
  /** The last of the pieces if short ones are gathered in it, in a block with room behind it. */
  #gathered: Uint8Array<ArrayBuffer> | null = null;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  push(piece: Uint8Array): void {
    this.#byteLength += piece.byteLength;
    if (piece.byteLength < leastKept) this.#gather(piece);
    else {
      this.#gathered = null;
      this.#pieces.push(piece);
    }
  }

  /** The bytes from `start` up to `end` in memory of their own: elements of any type are aligned in it. */
  copy(start: number, end: number): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(end - start);
    let before = 0;
    for (const piece of this.#pieces) {
      if (before >= end) break;
      const from = Math.max(start - before, 0);
      if (from < piece.byteLength) {
        whole.set(piece.subarray(from, end - before), before + from - start);
      }
      before += piece.byteLength;
    }
    return whole;
  }

  #gather(piece: Uint8Array): void {
    const gathered = this.#gathered;
    const used = gathered?.byteLength ?? 0;
    const room = gathered?.buffer.byteLength ?? 0;
    const hasRoom = gathered !== null && used + piece.byteLength <= room;
    // A few bytes between long pieces are to take no large one each.
    const larger = Math.min(Math.max(2 * room, leastKept), largestBlock);
    const block = hasRoom ? gathered.buffer : new ArrayBuffer(larger);
    const start = hasRoom ? used : 0;
    const grown = new Uint8Array(block, 0, start + piece.byteLength);
    grown.set(piece, start);
    if (hasRoom) this.#pieces.pop();
    this.#pieces.push(grown);
    this.#gathered = grown;
  }
}
