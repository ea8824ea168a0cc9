/** What users import as `partita/graph`. */
export { type Graph, type GraphIndex, indexGraph, type Node, type Tensor } from "./graph.ts";
export { gridRegions, type Shares, type TileFigures } from "./grid.ts";
export { type Cut, FlowNetwork } from "./max-flow.ts";
export type { TensorType, TensorValue } from "./tensor-value.ts";
export type { Region, Rows, Window } from "./window.ts";
