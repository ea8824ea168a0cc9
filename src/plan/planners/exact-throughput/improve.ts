import type { Random } from "../../../base/random.ts";
import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import type { ThroughputModel } from "./model.ts";

/** Evaluations times nodes: some seconds. */
const mostWork = 1_000_000;

/**
 * Moves single units to other devices for as long as that helps; yields each better placement.
 * A local optimum, or the best when the work is used up.
 */
export function* improve(
  model: ThroughputModel,
  start: Incumbent,
  random: Random,
): Generator<Incumbent, void> {
  let best = start;
  let work = 0;
  for (let improved = true; improved; ) {
    improved = false;
    for (const { unit, device } of random.shuffle(moves(model, best))) {
      if (work > mostWork) return;
      work += best.placement.length;
      const placement = [...best.placement];
      for (const node of model.contraction.units[unit] ?? []) placement[node] = device;
      const found = evaluate(model.problem, placement);
      if (found.type === "infeasible" || found.value >= best.value) continue;
      best = { placement, value: found.value, bound: start.bound };
      improved = true;
      yield best;
    }
  }
}

/** Each unit to each device that one of its neighbours, the source or the sink is on. */
function moves(
  { contraction, runners, seconds, problem }: ThroughputModel,
  { placement }: Incumbent,
): { unit: number; device: number }[] {
  const { units, unitOf, predecessors } = contraction;
  const deviceOf = (unit: number): number => placement[units[unit]?.[0] as number] as number;
  const near = units.map((_, unit) => new Set(predecessors[unit]?.map(deviceOf)));
  unitOf.forEach((unit) => {
    for (const before of predecessors[unit] ?? []) near[before]?.add(deviceOf(unit));
  });
  return units.flatMap((_, unit) =>
    runners.flatMap((device, runner) => {
      const isNear =
        near[unit]?.has(device) || device === problem.source || device === problem.sink;
      const isAble = Number.isFinite(seconds[runner]?.[unit]);
      return isNear && isAble && device !== deviceOf(unit) ? [{ unit, device }] : [];
    }),
  );
}
