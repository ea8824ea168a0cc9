/** What users import as `partita/sim`. */
export type { Arrivals } from "./arrivals.ts";
export { type Simulation, type SimulationOptions, type Span, simulate } from "./pipeline.ts";
export { quantiles } from "./quantiles.ts";
export { type SeveralSimulation, type SimulatedModel, simulateSeveral } from "./several.ts";
export type { Loss } from "./world.ts";
