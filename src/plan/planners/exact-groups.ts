import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { leaks } from "./exact-pieces.ts";
import { groupModel } from "./pso/group-model.ts";
import { Judge } from "./pso/judge.ts";
import { orderedPartitions } from "./pso/partitions.ts";
import { findSingle } from "./single.ts";

/** With more devices that can run nodes, partitions are too many: 47,293 for seven. */
export const mostGrouped = 6;

/**
 * The best of all pipelines of ordered groups of devices that `pso` could come by: every ordered
 * partition of the devices, each solved by the same dynamic programme, each worth what `evaluate` says.
 *
 * 4683 partitions of six devices that all differ, fewer where some are alike; 720 where tiles are not
 * allowed and each group has one device. Devices may stay unused. The best in this class only as far
 * as the dynamic programme is right about links (see `GroupTimes`), and so it promises no class.
 */
export const exactGroups: Planner = {
  name: "exact-groups",
  optimalAmong: null,
  refuses: (problem) => {
    const { type } = problem.objective;
    if (type !== "throughput") return `it plans for throughput, not ${type}`;
    const count = countRunners(problem);
    return count > mostGrouped
      ? `it tries every way to group the devices, and takes up to ${mostGrouped} that can run nodes; there are ${count}`
      : null;
  },
  *plan(problem) {
    const single = findSingle(problem);
    let best: Incumbent | null = "value" in single ? { ...single, method: "one device" } : null;
    yield best;
    if (leaks(problem)) return single;
    const making = groupModel(problem);
    let made = making.next();
    for (; made.done !== true; made = making.next()) yield best;
    const judge = new Judge(made.value);
    const alone = problem.limits.tiles !== true;
    for (const partition of orderedPartitions(made.value.pieces.runners, alone)) {
      if (judge.isKnown(partition)) continue;
      const solving = judge.judge(partition);
      let solved = solving.next();
      for (; solved.done !== true; solved = solving.next()) yield best;
      const { value, placement, tiles } = solved.value;
      if (value >= (best?.value ?? Number.POSITIVE_INFINITY)) continue;
      const method = "every ordered grouping of the devices";
      best = { placement, value, bound: null, ...(tiles.length > 0 ? { tiles } : {}), method };
      yield best;
    }
    return best ?? explain(single, judge);
  },
};

/** Devices that can run some node. */
export function countRunners({ devices, seconds, index }: Problem): number {
  return devices.filter((_, device) =>
    index.graph.nodes.some((_, node) => Number.isFinite(seconds.get(device, node))),
  ).length;
}

function explain(single: Incumbent | Infeasible, judge: Judge): Infeasible {
  const { reason, witness } = judge.refusal ?? (single as Infeasible);
  const found = `none of ${judge.solved} groupings of the devices gives an allowed pipeline, which is no proof that no pipeline is allowed; ${reason}`;
  return { ...infeasible(found, witness), isProven: false };
}
