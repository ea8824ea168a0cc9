/**
 * LinearSolver by HiGHS, compiled to WebAssembly.
 *
 * @module
 */
import loadHighs, { type Highs, type InitOptions, type ModelData } from "highs";
import type { LinearEffort, LinearProgram, LinearSolution, LinearSolver } from "./linear-solver.ts";

// Its types describe the CommonJS module, Node imports the other one.
const load = loadHighs as unknown as (options?: InitOptions) => Promise<Highs>;

/**
 * Loads HiGHS: 5 MB, some 50 ms. One thread and no clock, so that it answers alike on every machine.
 *
 * @see Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical Programming
 * Computation 10, 2018
 */
export async function loadHighsSolver(): Promise<LinearSolver> {
  const highs = await load();
  return {
    name: `HiGHS ${highs.version.string}`,
    solve: (program, effort) => solve(highs, program, effort),
  };
}

function solve(highs: Highs, program: LinearProgram, effort: LinearEffort): LinearSolution {
  const { columns } = program;
  const isInteger = columns.some((column) => column.isInteger);
  return highs.withModel(modelOf(program), (model): LinearSolution => {
    model.options.set({
      output_flag: false,
      random_seed: 1,
      simplex_iteration_limit: effort.iterations,
      mip_max_nodes: effort.nodes,
      mip_rel_gap: 0,
    });
    const { callbackType } = highs.constants;
    const isOver = effort.isOver ?? (() => false);
    const { modelStatus } = model.run({
      [callbackType.simplexInterrupt]: (event) => {
        if (isOver()) event.interrupt();
        return undefined;
      },
      [callbackType.mipInterrupt]: (event) => {
        // The limit of iterations above does not hold inside a search for whole numbers.
        const isSpent = Number(event.data.mip_total_lp_iterations ?? 0) > effort.iterations;
        if (isSpent || isOver()) event.interrupt();
        return undefined;
      },
    });
    const status = highs.constants.modelStatus;
    if (modelStatus === status.infeasible) return nothing("infeasible", Number.POSITIVE_INFINITY);
    const isOptimal = modelStatus === status.optimal || modelStatus === status.empty;
    const proven = isInteger ? Number(model.info.get("mip_dual_bound")) : Number.NEGATIVE_INFINITY;
    const solution = model.getSolution();
    const prices = isInteger ? [] : [...solution.rowDual];
    const isFeasible =
      model.info.get("primal_solution_status") === highs.constants.solutionStatus.feasible;
    if (!isFeasible) return { ...nothing("stopped", proven), prices };
    const objective = model.getObjectiveValue();
    return {
      type: isOptimal ? "optimal" : "stopped",
      values: [...solution.colValue],
      objective,
      bound: isOptimal && !isInteger ? objective : proven,
      prices,
    };
  });
}

/** Whatever goes wrong inside is an answer without values, and not an error. */
function nothing(type: "infeasible" | "stopped", bound: number): LinearSolution {
  return { type, values: [], objective: Number.POSITIVE_INFINITY, bound, prices: [] };
}

function modelOf({ columns, rows }: LinearProgram): ModelData {
  const starts = [0];
  for (const row of rows) starts.push((starts.at(-1) as number) + row.columns.length);
  return {
    numCols: columns.length,
    numRows: rows.length,
    colCost: columns.map(({ cost }) => cost),
    colLower: columns.map(({ lower }) => lower),
    colUpper: columns.map(({ upper }) => upper),
    rowLower: rows.map(({ lower }) => lower),
    rowUpper: rows.map(({ upper }) => upper),
    matrix: {
      format: "csr",
      numRows: rows.length,
      numCols: columns.length,
      starts,
      indices: rows.flatMap((row) => row.columns),
      values: rows.flatMap((row) => row.factors),
    },
    integrality: columns.map(({ isInteger }) => (isInteger ? 1 : 0)),
  };
}
