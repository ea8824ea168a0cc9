/**
 * Figures as people read them in tables.
 *
 * @module
 */
import { formatQuantity } from "../base/units.ts";

/** `2.31x`, `40.7x`, `1,520x`. */
export function asRatio(ratio: number): string {
  if (ratio >= 1000) return `${Math.round(ratio).toLocaleString("en")}x`;
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}x`;
}

/** `0.05 %`, `12 %`. */
export function asPercent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

/** `2.15 Mbit/s`. */
export function asRate(bitsPerSecond: number): string {
  return formatQuantity(bitsPerSecond, "bit/s");
}

/** `12 of 39`. */
export function asCount(some: number, all: number): string {
  return `${some.toLocaleString("en")} of ${all.toLocaleString("en")}`;
}
