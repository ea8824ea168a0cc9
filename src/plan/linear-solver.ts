/**
 * LinearSolver: linear and mixed-integer programmes, solved by whatever the host has.
 *
 * @module
 */

/** A variable: its cost in the objective, and its limits. */
export interface Column {
  readonly cost: number;
  readonly lower: number;
  /** `Infinity`: none. */
  readonly upper: number;
  readonly isInteger: boolean;
}

/** lower ≤ Σ factor · column ≤ upper; `-Infinity` and `Infinity`: none. */
export interface Row {
  readonly lower: number;
  readonly upper: number;
  readonly columns: readonly number[];
  readonly factors: readonly number[];
}

/** Minimises Σ cost · column. */
export interface LinearProgram {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface LinearSolution {
  /** `stopped`: at the limit of work, perhaps without values. */
  readonly type: "optimal" | "infeasible" | "stopped";
  /** Of each column; empty if none are known. */
  readonly values: readonly number[];
  /** The objective of `values`; `Infinity` without any. */
  readonly objective: number;
  /** No solution has a smaller objective, within the solver's tolerance; `-Infinity`: unknown. */
  readonly bound: number;
  /** Of each row, what one more of it costs; empty if unknown, and where columns are integers. */
  readonly prices: readonly number[];
}

/** How much a solver may do; counted in steps, so that it ends alike on every machine. */
export interface LinearEffort {
  readonly iterations: number;
  readonly nodes: number;
  /** Asked now and then: whether to stop at once, since nobody waits for the answer any more. */
  readonly isOver?: () => boolean;
}

export interface LinearSolver {
  readonly name: string;
  /** Synchronous. */
  solve(program: LinearProgram, effort: LinearEffort): LinearSolution;
}

/**
 * What no solution costs less than, whatever the prices and whoever made them: Σ cost · column +
 * Σ price · (limit − row), a row at the limit that its price counts against, has its least where
 * every column stands at the end that its sign favours (weak duality). For columns with limits.
 *
 * O(columns + numbers in the rows) time. The rounding of the sums, some 1e-12 of them, is taken off.
 */
export function boundByPrices({ columns, rows }: LinearProgram, prices: readonly number[]): number {
  const reduced = columns.map(({ cost }) => cost);
  let total = 0;
  let moved = 0;
  rows.forEach(({ lower, upper, columns: used, factors }, row) => {
    const price = prices[row] as number;
    const limit = price > 0 ? lower : upper;
    if (price === 0 || !Number.isFinite(limit)) return;
    total += price * limit;
    moved += Math.abs(price * limit);
    used.forEach((column, at) => {
      reduced[column] = (reduced[column] as number) - price * (factors[at] as number);
    });
  });
  columns.forEach(({ lower, upper }, column) => {
    const cost = reduced[column] as number;
    const least = cost === 0 ? 0 : cost * (cost > 0 ? lower : upper);
    total += least;
    moved += Math.abs(least);
  });
  return total - 1e-12 * moved;
}
