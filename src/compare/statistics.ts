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

/** A geometric mean and where it lies with a probability of 95 %, by the spread of the logarithms. */
export interface RatioInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Of paired ratios, all above 0, drawn independently; `NaN` of none. */
export function ratioInterval(ratios: readonly number[]): RatioInterval {
  const mean = geometricMean(ratios);
  const centre = Math.log(mean);
  const squares = ratios.reduce((sum, ratio) => sum + (Math.log(ratio) - centre) ** 2, 0);
  const count = ratios.length;
  const error = count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0;
  return { mean, low: mean * Math.exp(-1.96 * error), high: mean * Math.exp(1.96 * error) };
}
