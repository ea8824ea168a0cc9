/** The middle value, or the mean of the two in the middle; `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The mean of ratios, all above 0; `NaN` of none. */
export function geometricMean(ratios: readonly number[]): number {
  const logarithms = ratios.map((ratio) => Math.log(ratio));
  return Math.exp(logarithms.reduce((sum, value) => sum + value, 0) / ratios.length);
}
