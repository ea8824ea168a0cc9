import { type RatioInterval, ratioInterval } from "../statistics.ts";

/** Quotients where both methods found something, topology by topology. */
export function pairedRatios(
  values: readonly (number | null)[],
  base: readonly (number | null)[],
): number[] {
  return values.flatMap((value, topology) => {
    const other = base[topology] ?? null;
    return value === null || other === null || other === 0 ? [] : [value / other];
  });
}

/** "1.12 (1.08–1.16)", with how many there are where some are missing; "none" of none. */
export function ratioText(ratios: readonly number[], of: number): string {
  if (ratios.length === 0) return "none";
  const text = intervalText(ratioInterval(ratios));
  return ratios.length < of ? `${text}, ${ratios.length} of ${of}` : text;
}

export function intervalText({ mean, low, high }: RatioInterval): string {
  const isSame = high - low < 0.0005;
  return isSame ? mean.toFixed(3) : `${mean.toFixed(3)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function known(values: readonly (number | null)[]): number[] {
  return values.flatMap((value) => value ?? []);
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}
