/** Which bytes of a whole are there, when pieces come in any order, twice, or overlapping. */
export class ByteRanges {
  /** Disjoint, ascending, never touching each other. */
  #ranges: { start: number; end: number }[] = [];

  /** Bytes from the start that are there without a gap. */
  get prefix(): number {
    const first = this.#ranges[0];
    return first?.start === 0 ? first.end : 0;
  }

  /** O(ranges): few, since pieces come nearly in order. */
  add(offset: number, length: number): void {
    if (length === 0) return;
    let start = offset;
    let end = offset + length;
    const apart: { start: number; end: number }[] = [];
    for (const range of this.#ranges) {
      if (range.end < start || range.start > end) {
        apart.push(range);
        continue;
      }
      start = Math.min(start, range.start);
      end = Math.max(end, range.end);
    }
    this.#ranges = [...apart, { start, end }].sort((a, b) => a.start - b.start);
  }

  has(offset: number, length: number): boolean {
    return this.#ranges.some(({ start, end }) => start <= offset && offset + length <= end);
  }
}
