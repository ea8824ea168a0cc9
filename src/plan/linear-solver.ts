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
  /** No solution has a smaller objective, within the solver's tolerance. */
  readonly bound: number;
}

/** How much a solver may do; counted in steps, so that it ends alike on every machine. */
export interface LinearEffort {
  readonly iterations: number;
  readonly nodes: number;
}

export interface LinearSolver {
  readonly name: string;
  /** Synchronous. */
  solve(program: LinearProgram, effort: LinearEffort): LinearSolution;
}
