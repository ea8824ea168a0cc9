/**
 * Figures as people read them in tables.
 *
 * @module
 */
/** `2.31x`, `40.7x`, `1,520x`. */
export function asRatio(ratio: number): string {
  if (ratio >= 1000) return `${asNumber(Math.round(ratio))}x`;
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}x`;
}

/** `0.05 %`, `12 %`. */
export function asPercent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

/** `1,443`. */
export function asNumber(count: number): string {
  return count.toLocaleString("en");
}

/** `12 of 39`. */
export function asCount(some: number, all: number): string {
  return `${asNumber(some)} of ${asNumber(all)}`;
}
