import type { Infeasible } from "./feasibility.ts";
import type { Plan } from "./plan.ts";
import type { Problem } from "./problem.ts";

/** Plans a problem as well as there is time for: questions that take many plans receive one of these. */
export type Solve = (problem: Problem) => Plan | Infeasible;
