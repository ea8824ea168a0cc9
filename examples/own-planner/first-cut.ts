import { evaluate } from "../../src/plan/evaluate.ts";
import { type Infeasible, infeasible } from "../../src/plan/feasibility.ts";
import type { Incumbent, Planner } from "../../src/plan/planner.ts";

/**
 * The best cut of the graph order in two, the first nodes on the source, the rest on any other device.
 *
 * Evaluates every cut for every device: O(nodes · devices · (nodes + uses of tensors)) time. Whatever
 * limits there are, `evaluate` knows them. Promises nothing: the order may be an unlucky one.
 */
export const firstCut: Planner = {
  name: "first-cut",
  optimalAmong: null,
  refuses: () => null,
  *plan(problem) {
    const { nodes } = problem.index.graph;
    let best: Incumbent | null = null;
    let refused: Infeasible | null = null;
    for (let other = 0; other < problem.devices.length; other++) {
      for (let count = 0; count <= nodes.length; count++) {
        const placement = nodes.map((_, node) => (node < count ? problem.source : other));
        const found = evaluate(problem, placement);
        if (found.type === "infeasible") {
          refused ??= found;
          yield null;
        } else if (best === null || found.value < best.value) {
          best = { placement, value: found.value, bound: null };
          yield best;
        }
      }
    }
    if (best !== null) return best;
    const reason = `no cut of the graph order is allowed; of the first: ${refused?.reason}`;
    return { ...infeasible(reason, refused?.witness), isProven: false };
  },
};
