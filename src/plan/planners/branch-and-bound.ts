import type { AdditiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import type { Problem } from "../problem.ts";

/** Tries every placement, leaving out those whose nodes alone cost more than the best so far. */
export function* branchAndBound(
  problem: Problem,
  costs: AdditiveCosts,
): Generator<Incumbent, Incumbent | Infeasible> {
  const placement = problem.index.graph.nodes.map(() => 0);
  let best: Incumbent | null = null;
  let refused: Infeasible | null = null;
  const place = (node: number, spent: number): void => {
    if (best !== null && spent >= best.value) return;
    if (node === placement.length) {
      const found = evaluate(problem, placement);
      if (found.type === "infeasible") refused ??= found;
      else if (best === null || found.value < best.value) {
        best = { placement: [...placement], value: found.value, bound: null };
      }
      return;
    }
    problem.devices.forEach((_, device) => {
      placement[node] = device;
      const cost = costs.node(device, node);
      if (Number.isFinite(cost)) place(node + 1, spent + cost);
    });
  };
  place(0, 0);
  const found = best as Incumbent | null;
  if (found === null)
    return (refused as Infeasible | null) ?? infeasible("a node fits on no device");
  return { ...found, bound: found.value };
}
