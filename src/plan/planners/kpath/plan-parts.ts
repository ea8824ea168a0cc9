import { evaluate } from "../../evaluate.ts";
import { type Infeasible, infeasible } from "../../feasibility.ts";
import type { Incumbent, Planning } from "../../planner.ts";
import type { Placement, Problem } from "../../problem.ts";
import { trySingles } from "../single.ts";
import type { MatchingTask } from "./matching.ts";
import { type PartRules, type Parts, partition } from "./parts.ts";

/** Finds devices for the parts, the most promising placement first; yields while it works. */
export type PlaceParts = (task: MatchingTask) => Generator<null, readonly (readonly number[])[]>;

/** Divides a graph into parts that each member has room for; `null`: something fits none. */
export type DivideParts = (
  problem: Problem,
  members: readonly number[],
  rules: PartRules,
) => Parts | null;

/** What keeps the methods that place parts of least total transfer from a problem. */
export function refusesParts({ objective: { type } }: Problem): string | null {
  return type === "throughput" ? null : `it plans for throughput, not ${type}`;
}

/**
 * Divides the graph, has the parts placed, and keeps the first placement that is allowed: neither the
 * division nor the placement knows of compute, of the ways of input and answer, or of limits but
 * memory. Only devices that can run every node take part. What fits one part goes on the best device.
 */
export function* planParts(
  problem: Problem,
  rules: PartRules,
  place: PlaceParts,
  divide: DivideParts = partition,
): Planning {
  const members = problem.devices.flatMap((_, device) =>
    problem.index.graph.nodes.every((_, node) => Number.isFinite(problem.seconds.get(device, node)))
      ? [device]
      : [],
  );
  yield null;
  if (members.length === 0) return unproven("no device can run every node, as a part may need");
  const parts = divide(problem, members, rules);
  yield null;
  if (parts === null) {
    return unproven("what is between two cuts that one tensor crosses fits no device");
  }
  const count = parts.starts.length;
  if (count <= 1) {
    const alone = yield* trySingles(problem);
    return "value" in alone ? alone : { ...alone, isProven: false };
  }
  if (count > members.length) {
    return unproven(
      `the parts of least total transfer are ${count}, and ${members.length} devices can run them`,
    );
  }
  const rates = ratesBetween(problem, rules);
  const task = { ...parts, rates, devices: problem.devices.length, members };
  const placements = yield* place(task);
  return yield* firstAllowed(problem, parts, placements);
}

function* firstAllowed(
  problem: Problem,
  parts: Parts,
  placements: readonly (readonly number[])[],
): Planning {
  let refused: Infeasible | null = null;
  for (const devices of placements) {
    const placement = expand(problem, parts, devices);
    const found = evaluate(problem, placement);
    if (found.type === "feasible") {
      const best: Incumbent = { placement, value: found.value, bound: null };
      yield best;
      return best;
    }
    refused ??= found;
    yield null;
  }
  const { length } = parts.starts;
  if (refused === null) return unproven(`no path of links was found for ${length} parts`);
  return unproven(
    `no placement of the ${length} parts that was tried is allowed: ${refused.reason}`,
    refused.witness,
  );
}

function expand({ index }: Problem, { starts }: Parts, devices: readonly number[]): Placement {
  const placement: number[] = [];
  starts.forEach((_, part) => {
    const end = starts[part + 1] ?? index.graph.nodes.length;
    while (placement.length < end) placement.push(devices[part] as number);
  });
  return placement;
}

/**
 * Bits a second between any two devices. Mended, devices that no link joins talk over others: at the
 * rate of the slowest link on the way of the largest tensor.
 */
function ratesBetween(
  { devices, topology, hops, linkBytes }: Problem,
  rules: PartRules,
): Float64Array {
  const count = devices.length;
  const rates = new Float64Array(count * count);
  const rateOf = (link: number): number => topology.links[link]?.bandwidthBitsPerSecond ?? 0;
  hops.links.forEach(({ from, to }, link) => {
    rates[from * count + to] = rateOf(link);
  });
  if (rules === "published") return rates;
  const largest = linkBytes.indexOf(Math.max(...linkBytes));
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) {
      if (from === to || rates[from * count + to] !== 0) continue;
      const route = hops.route(from, to, largest);
      if (route !== null) rates[from * count + to] = Math.min(...route.map(rateOf));
    }
  }
  return rates;
}

function unproven(reason: string, witness: Infeasible["witness"] = {}): Infeasible {
  return { ...infeasible(reason, witness), isProven: false };
}
