import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";

/**
 * Everything on one device: what not splitting gives, and so what every other plan is compared with.
 *
 * Evaluates one placement a device: O(devices · (nodes + uses of tensors)) time. The best of these
 * placements; of equal ones the device that comes first in the topology.
 */
export const single: Planner = {
  name: "single",
  optimalAmong: "one-device",
  refuses: () => null,
  *plan(problem) {
    const found = yield* trySingles(problem);
    // Several devices may do what none can alone.
    if ("type" in found) return { ...found, isProven: false };
    yield found;
    return found;
  },
};

/** Nodes looked at between two chances to stop. */
const nodesPerStep = 150_000;

/** Everything on the device where that costs least, or what the devices lack for it. */
export function findSingle(problem: Problem): Incumbent | Infeasible {
  const steps = trySingles(problem);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** `findSingle` with chances to stop: hundreds of devices and thousands of nodes take a second. */
export function* trySingles(problem: Problem): Generator<Incumbent | null, Incumbent | Infeasible> {
  const { best, refused } = yield* tryDevices(problem);
  return best ?? explain(problem, refused);
}

/** What each device lacks for running everything, in the order of the devices. */
type Refusals = readonly (Infeasible & { readonly device: string })[];

function* tryDevices(
  problem: Problem,
): Generator<Incumbent | null, { best: Incumbent | null; refused: Refusals }> {
  const refused: (Infeasible & { device: string })[] = [];
  let best: Incumbent | null = null;
  let looked = 0;
  for (const [device, { name }] of problem.devices.entries()) {
    const placement = problem.index.graph.nodes.map(() => device);
    const found = evaluate(problem, placement);
    if (found.type === "infeasible") refused.push({ ...found, device: name });
    else if (best === null || found.value < best.value) {
      best = { placement, value: found.value, bound: null };
    }
    looked += placement.length;
    if (looked < nodesPerStep) continue;
    looked = 0;
    yield best;
  }
  return { best, refused };
}

/** The reason of the device that comes closest: the one that lacks the least memory, if that is all. */
function explain(problem: Problem, refused: Refusals): Infeasible {
  const lacking = ({ witness }: Infeasible): number =>
    Number(witness["neededBytes"]) - Number(witness["memoryBytes"]);
  const closest = refused
    .filter(({ witness }) => "neededBytes" in witness)
    .sort((a, b) => lacking(a) - lacking(b))[0];
  const others = refused.filter(({ device }) =>
    problem.devices.some(({ name, profile }) => name === device && profile !== "none"),
  );
  const nearest = closest ?? others[0] ?? refused[0];
  if (nearest === undefined) return infeasible("there is no device");
  return infeasible(
    `no device can run everything; closest is '${nearest.device}': ${nearest.reason}`,
    nearest.witness,
  );
}
