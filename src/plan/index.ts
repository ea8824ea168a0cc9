/** What users import as `partita/plan`. */
export { check } from "./check.ts";
export { type Compression, compress } from "./compress.ts";
export { buildEnvelope, type EnvelopeRun, type EnvelopeStep, runEnvelope } from "./envelope.ts";
export type { Parameter } from "./envelope-box.ts";
export { createDecider, type Decider, findReigns, type Reign } from "./envelope-decision.ts";
export { type Envelope, readEnvelope } from "./envelope-file.ts";
export { type Evaluation, evaluate } from "./evaluate.ts";
export type { Infeasible } from "./feasibility.ts";
export { type Objective, parseObjective } from "./objective.ts";
export { type Plan, readPlan } from "./plan.ts";
export type { Incumbent, Planner } from "./planner.ts";
export { choosePlanner, planners } from "./planners.ts";
export { createProblem, type Limits, type Placement, type Problem } from "./problem.ts";
export { type PlannerRun, runPlanner } from "./run-planner.ts";
