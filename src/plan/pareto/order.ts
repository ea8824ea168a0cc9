import type { Values } from "../pareto.ts";

/** Equal within this, relative. */
const equality = 1e-9;

/** Whether two figures are equal for all purposes. */
export function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= equality * Math.max(Math.abs(a), Math.abs(b));
}

/** The points that no other one beats, ascending on the first axis; of equal ones the first. */
export function withoutDominated<P extends { readonly values: Values }>(points: readonly P[]): P[] {
  const kept: P[] = [];
  const sorted = [...points].sort(
    ({ values: [ax, ay] }, { values: [bx, by] }) => (isSame(ax, bx) ? 0 : ax - bx) || ay - by,
  );
  for (const point of sorted) {
    const last = kept.at(-1);
    const isLower =
      last === undefined ||
      !(point.values[1] >= last.values[1] || isSame(point.values[1], last.values[1]));
    if (isLower) kept.push(point);
  }
  return kept;
}
