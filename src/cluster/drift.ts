import { formatQuantity } from "../base/units.ts";
import type { Decision } from "../control/control.ts";
import type { State } from "../cost/state.ts";
import type { Topology } from "../cost/topology.ts";

/**
 * What has changed the most against what the topology states, and what that means for a request.
 *
 * @param objective of the plans, as they state it
 */
export function describeDrift(
  topology: Topology,
  { world, cost, bestCost }: Pick<Decision, "world" | "cost" | "bestCost">,
  objective: string,
): string {
  const found = [...linkChanges(topology, world), ...deviceChanges(topology, world)];
  const most = found.toSorted((one, other) => other.factor - one.factor)[0];
  const cause = most === undefined ? "there is a better plan" : most.words;
  if (cost === null || bestCost === null || !Number.isFinite(cost)) return cause;
  const [now, then] = [cost, bestCost].map((value) => formatCost(value, objective));
  return `${cause}: ${now} with this plan, ${then} with another`;
}

function formatCost(cost: number, objective: string): string {
  switch (objective) {
    case "latency":
      return formatQuantity(cost, "s", 3);
    case "throughput":
      return `${Number((1 / cost).toPrecision(3))} /s`;
    case "energy":
      return formatQuantity(cost, "J", 3);
    default:
      return `${cost.toPrecision(3)} s of ${objective}`;
  }
}

interface Change {
  readonly factor: number;
  readonly words: string;
}

/** Less is no news. */
const leastFactor = 1.1;

function linkChanges({ links }: Topology, { bandwidthBitsPerSecond }: State): Change[] {
  return links.flatMap(({ from, to, bandwidthBitsPerSecond: stated }, position) => {
    const rate = bandwidthBitsPerSecond[position] ?? stated;
    const factor = Math.max(rate / stated, stated / rate);
    const [found, expected] = [rate, stated].map((value) => formatQuantity(value, "bit/s", 2));
    const words = `${from} → ${to} carries ${found}, not ${expected}`;
    return factor < leastFactor ? [] : [{ factor, words }];
  });
}

function deviceChanges({ devices }: Topology, { slowDown }: State): Change[] {
  return devices.flatMap(({ name }, position) => {
    const slow = slowDown[position] ?? 1;
    const factor = Math.max(slow, 1 / slow);
    const words = `${name} takes ${Number(slow.toPrecision(2))} times as long as stated`;
    return factor < leastFactor ? [] : [{ factor, words }];
  });
}
