import { formatQuantity } from "../../../base/units.ts";
import { memoryBytes } from "../../../cost/memory.ts";
import { type Infeasible, infeasible } from "../../feasibility.ts";
import type { Problem } from "../../problem.ts";
import type { SearchSpace } from "../../search-space.ts";

/**
 * Why nothing can be allowed, where that is plain without a search: a node that fits nowhere, or
 * parameters that exceed all memory together; `null` otherwise.
 */
export function explainHopeless(space: SearchSpace): Infeasible | null {
  const homeless = space.domains.indexOf(0);
  return homeless >= 0 ? explainHomeless(space, homeless) : explainCrowded(space);
}

/**
 * Why a search found nothing allowed: the limit that the closest placement breaks.
 *
 * @param closest the least broken of the placements that were tried
 */
export function explainNearMiss(closest: Infeasible | null): Infeasible {
  if (closest === null) return infeasible("no placement gives every tensor a route");
  return infeasible(`no placement is allowed; of the closest: ${closest.reason}`, closest.witness);
}

function explainHomeless(
  { problem, units, objective, nodes }: SearchSpace,
  unit: number,
): Infeasible {
  const members = units[unit] as readonly number[];
  const node = problem.index.graph.nodes[members[0] as number]?.name ?? "";
  const what = members.length === 1 ? `node '${node}'` : `the group of node '${node}'`;
  const small = problem.devices.flatMap(({ name, memoryBytes: capacity }, device) => {
    const unable = members.some(
      (member) => objective.node[device * nodes + member] === Number.POSITIVE_INFINITY,
    );
    if (unable || capacity === null) return [];
    const overhead = problem.kinds[device]?.overheadBytes ?? 0;
    const needed = memoryBytes(problem.index, members, overhead);
    return { name, needed, capacity: capacity as number };
  });
  const nearest = small.sort((a, b) => a.needed - a.capacity - (b.needed - b.capacity))[0];
  if (nearest === undefined) {
    return explainPrivate(problem, members) ?? explainUnable(what, node);
  }
  const { name, needed, capacity } = nearest;
  return infeasible(
    `${what} fits on no device; on '${name}' it alone would need ${formatQuantity(needed, "B", 4)}, ${formatQuantity(needed - capacity, "B")} more than its memory of ${formatQuantity(capacity, "B", 4)}`,
    { node, device: name, neededBytes: needed, memoryBytes: capacity },
  );
}

function explainUnable(what: string, node: string): Infeasible {
  return infeasible(`${what} can run on no device that it is allowed on`, { node });
}

/** The node that privacy ties to a source which cannot run it; `null` if there is none. */
function explainPrivate(problem: Problem, members: readonly number[]): Infeasible | null {
  const { index, seconds, source } = problem;
  const tied = members.find(
    (member) =>
      problem.pinned.has(member) && seconds.get(source, member) === Number.POSITIVE_INFINITY,
  );
  if (tied === undefined) return null;
  const node = index.graph.nodes[tied]?.name ?? "";
  const device = problem.devices[source]?.name ?? "";
  const read = (index.nodeInputs[tied] ?? []).find((tensor) => problem.private.has(tensor));
  const tensor = read === undefined ? "" : (index.graph.tensors[read]?.name ?? "");
  const reason = read === undefined ? "" : `, since it reads the private tensor '${tensor}'`;
  return infeasible(
    `node '${node}' must stay on '${device}'${reason}, and '${device}' cannot run it`,
    { node, device, ...(read === undefined ? {} : { tensor }) },
  );
}

/** Whether all devices together hold too little; `null` if not, or if one is unlimited. */
function explainCrowded({ problem }: SearchSpace): Infeasible | null {
  const needed = problem.index.graph.nodes.reduce((sum, node) => sum + node.parameterBytes, 0);
  const able = problem.devices.filter((_, device) => problem.kinds[device] !== null);
  if (able.some(({ memoryBytes: capacity }) => capacity === null)) return null;
  const held = able.reduce((sum, { memoryBytes: capacity }) => sum + (capacity as number), 0);
  if (needed <= held) return null;
  return infeasible(
    `the parameters need ${formatQuantity(needed, "B", 4)}, ${formatQuantity(needed - held, "B")} more than the ${formatQuantity(held, "B", 4)} of all devices together`,
    { neededBytes: needed, memoryBytes: held },
  );
}
