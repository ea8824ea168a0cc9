/** A share as people read it: `0.05 %`, `12 %`. */
export function formatPercent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
