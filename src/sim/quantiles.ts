/**
 * Quantiles by nearest rank: the least value that at least that part of the values does not exceed.
 * O(values · log values) time.
 *
 * @param parts each in (0, 1]
 * @returns `null` for each part if there are no values
 */
export function quantiles(values: Float64Array, parts: readonly number[]): (number | null)[] {
  const sorted = values.toSorted();
  return parts.map((part) => sorted[Math.ceil(part * sorted.length) - 1] ?? null);
}
