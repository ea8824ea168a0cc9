import type { GraphIndex } from "../../graph/graph.ts";

/** What tensors weigh in a cut, in one or more components; a cut weighs the sum of its tensors. */
export interface CutWeights {
  readonly components: number;
  weightOf(tensor: number, component: number): number;
  /** Whether outputs are carried on to a sink behind all nodes. */
  readonly delivers: boolean;
  /**
   * Whether two boundaries always agree which of two cuts is lighter: with one component, or one
   * boundary alone.
   */
  readonly agrees: boolean;
}

/** Graph inputs that some node reads. */
export function usedInputs(index: GraphIndex): number[] {
  return index.inputs.filter((tensor) => (index.consumers[tensor] ?? []).length > 0);
}

/** Tensors of a node that somebody needs. */
export function usedOutputs(index: GraphIndex, node: number, weights: CutWeights): number[] {
  return (index.nodeOutputs[node] ?? []).filter(
    (tensor) => (index.consumers[tensor] ?? []).length > 0 || isCarriedOn(index, tensor, weights),
  );
}

/** Whether a tensor goes on to a sink behind all nodes. */
export function isCarriedOn(index: GraphIndex, tensor: number, { delivers }: CutWeights): boolean {
  return delivers && index.outputs.includes(tensor);
}

/** What tensors weigh together, in each component. */
export function weightOfAll(tensors: readonly number[], weights: CutWeights): number[] {
  return Array.from({ length: weights.components }, (_, component) =>
    tensors.reduce((sum, tensor) => sum + weights.weightOf(tensor, component), 0),
  );
}

/** Whether a cut weighs no less than another in any component. */
export function isAtLeast(weight: readonly number[], other: readonly number[]): boolean {
  return weight.every((value, component) => value >= (other[component] as number));
}
