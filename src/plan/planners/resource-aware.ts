import { type Dimension, formatQuantity } from "../../base/units.ts";
import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { type Cut, findCutsInSteps, type Sides } from "./resource-aware/cuts.ts";
import {
  type Descriptor,
  describe,
  type Excess,
  excessOf,
  overshoot,
} from "./resource-aware/descriptor.ts";
import { compareScores, type Rule, rank, scarcest } from "./resource-aware/rank.ts";

/**
 * A cut from shapes and the device's descriptor, nothing measured: whichever of bandwidth, compute,
 * storage, memory and energy is scarcest picks it. Reads no node seconds; `evaluate` has the last
 * word on limits.
 *
 * Keeps `storage`, which is no part of the cost model and which other planners do not know.
 * O(nodes · cuts) time. Promises nothing about the value.
 *
 * @see Zawish, Abraham, Dev and Davy, "Towards resource-aware DNN partitioning for edge devices with
 * heterogeneous resources", GLOBECOM 2022; the rules by which a resource picks a cut are reconstructed
 */
export const resourceAware: Planner = createResourceAware("resource-aware", (problem, cuts, has) =>
  problem.objective.type === "energy" && has.joules !== null ? "energy" : scarcest(cuts, has),
);

/** The same with all resources at once, each weighted by need ÷ available. */
export const resourceAwareWeighted: Planner = createResourceAware(
  "resource-aware-weighted",
  () => "weighted",
);

function createResourceAware(
  name: string,
  ruleFor: (problem: Problem, cuts: readonly Cut[], descriptor: Descriptor) => Rule,
): Planner {
  return {
    name,
    optimalAmong: null,
    refuses,
    *plan(problem): Planning {
      const sides = sidesOf(problem);
      const cuts = yield* findCutsInSteps(problem, sides);
      const descriptor = describe(problem, sides);
      const everything = cuts.at(-1) as Cut;
      const kept = cuts.filter((cut) => excessOf(cut, everything, descriptor) === null);
      if (kept.length === 0) return explain(problem, sides, cuts, descriptor);
      const rule = ruleFor(problem, cuts, descriptor);
      const order = rank(cuts, descriptor, rule).filter((cut) => kept.includes(cut));
      return yield* firstAllowed(problem, sides, order, methodOf(rule));
    },
  };
}

function methodOf(rule: Rule): string {
  return rule === "weighted"
    ? "cut by all resources, weighted by need"
    : `cut by ${rule}, the scarce resource`;
}

function refuses(problem: Problem): string | null {
  const { devices, source, index } = problem;
  if (problem.objective.type === "throughput") {
    return "it cuts for one inference at a time, and the throughput is asked for";
  }
  const able = ableDevices(problem);
  if (able.length !== 2) {
    return `it wants two devices that can run nodes, and there ${able.length === 1 ? "is 1" : `are ${able.length}`}`;
  }
  if (!able.includes(source)) {
    return `it wants the source to run nodes, and '${devices[source]?.name}' cannot`;
  }
  const unknown = index.graph.nodes.find(({ flop }) => flop === null);
  if (unknown === undefined) return null;
  return `it decides by FLOP, and those of node '${unknown.name}' (${unknown.operator}) are not known`;
}

function ableDevices({ kinds }: Problem): number[] {
  return kinds.flatMap((kind, device) =>
    kind?.nodeSeconds.some((seconds) => seconds !== null) ? [device] : [],
  );
}

function sidesOf(problem: Problem): Sides {
  const server = ableDevices(problem).find((device) => device !== problem.source) as number;
  return { device: problem.source, server };
}

/** What the descriptor allows may still break what it does not tell: a limit as measured, privacy. */
function* firstAllowed(
  problem: Problem,
  { device, server }: Sides,
  order: readonly Cut[],
  method: string,
): Planning {
  let refused: Infeasible | null = null;
  for (const { nodes } of order) {
    const placement = problem.index.graph.nodes.map((_, node) => (node < nodes ? device : server));
    const found = evaluate(problem, placement);
    if (found.type === "feasible") {
      return { placement, value: found.value, bound: null, method } satisfies Incumbent;
    }
    refused ??= found;
    yield null;
  }
  const reason = `of ${order.length} cuts that keep what the devices state none is allowed; of the first: ${refused?.reason}`;
  return { ...infeasible(reason, refused?.witness), isProven: false };
}

/** The cut that exceeds least what it exceeds most. */
function explain(
  problem: Problem,
  sides: Sides,
  cuts: readonly Cut[],
  descriptor: Descriptor,
): Infeasible {
  const everything = cuts.at(-1) as Cut;
  const [closest] = cuts
    .flatMap((cut) => {
      const excess = excessOf(cut, everything, descriptor);
      return excess === null ? [] : [{ cut, excess }];
    })
    .sort((a, b) => compareScores([overshoot(a.excess)], [overshoot(b.excess)]));
  if (closest === undefined) return infeasible("the graph has no cut");
  const { cut, excess } = closest;
  const last = problem.index.graph.nodes[cut.nodes - 1]?.name;
  const where =
    last === undefined ? "the one with nothing on the device" : `the one after node '${last}'`;
  return {
    ...infeasible(
      `none of ${cuts.length} cuts keeps what the devices state; closest is ${where}: ${formatExcess(problem, sides, excess)}`,
      { ...excess, cut: last ?? "input" },
    ),
    isProven: false,
  };
}

function formatExcess(problem: Problem, sides: Sides, { what, needed, allowed }: Excess): string {
  const say = (unit: Dimension): string =>
    `${formatQuantity(needed, unit, 4)}, ${formatQuantity(needed - allowed, unit)} more than`;
  const has = (unit: Dimension): string => formatQuantity(allowed, unit, 4);
  const name = (device: number): string => problem.devices[device]?.name ?? "";
  switch (what) {
    case "latency":
      return `it is estimated to take ${say("s")} the latency limit of ${has("s")}`;
    case "energy":
      return `it is estimated to take ${say("J")} the energy limit of ${has("J")}`;
    case "memory":
      return `'${name(sides.device)}' would need ${say("B")} its memory of ${has("B")}`;
    case "storage":
      return `'${name(sides.device)}' would store ${say("B")} its storage of ${has("B")}`;
    case "server storage":
      return `'${name(sides.server)}' would store ${say("B")} its storage of ${has("B")}`;
    default:
      return what satisfies never;
  }
}
