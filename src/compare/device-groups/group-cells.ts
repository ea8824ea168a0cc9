import { createRandom } from "../../base/random.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Planner } from "../../plan/planner.ts";
import { exact } from "../../plan/planners/exact.ts";
import { exactGroups } from "../../plan/planners/exact-groups.ts";
import { pipedge } from "../../plan/planners/pipedge.ts";
import { pso } from "../../plan/planners/pso.ts";
import { single } from "../../plan/planners/single.ts";
import { createProblem } from "../../plan/problem.ts";
import { answerOf } from "../answer.ts";
import type { StudyHost } from "../study.ts";
import { speeds } from "./grids.ts";
import { meshTopology, picturesAsBytes } from "./mesh.ts";

/** One network on some devices at one rate; arrays are by draw of the devices' speeds. */
export interface GroupCell {
  readonly type: "groups";
  readonly network: string;
  readonly devices: number;
  readonly megabitsPerSecond: number;
  readonly speeds: readonly (readonly number[])[];
  /** Seconds of a period, by method; `null`: no plan. */
  readonly periods: Readonly<Record<string, readonly (number | null)[]>>;
  readonly decisionSeconds: Readonly<Record<string, readonly number[]>>;
  /** What is proven of `exact` without tiles. */
  readonly bounds: readonly (number | null)[];
  /** What is proven of it with tiles. */
  readonly referenceBounds: readonly (number | null)[];
}

/** The methods of the tables, and the name of the best of all. */
export const reference = "exact, tiles";
export const withoutTiles = "exact";

export function groupCell(
  host: StudyHost,
  profile: Profile,
  {
    devices,
    megabitsPerSecond,
    draws,
    limitSeconds,
  }: {
    devices: number;
    megabitsPerSecond: number;
    draws: number;
    limitSeconds: number;
  },
): GroupCell {
  const asked: readonly (readonly [name: string, planner: Planner, isTiled: boolean])[] = [
    ["single", single, false],
    ["pipedge", pipedge, false],
    [withoutTiles, exact, false],
    ["pso", pso, true],
    ["exact-groups", exactGroups, true],
    [reference, exact, true],
    ...host.guests.map((guest) => [guest.name, guest, true] as const),
  ];
  const drawn: number[][] = [];
  const bounds: (number | null)[] = [];
  const referenceBounds: (number | null)[] = [];
  const periods: Record<string, (number | null)[]> = {};
  const decisionSeconds: Record<string, number[]> = {};
  for (let draw = 1; draw <= draws; draw++) {
    const random = createRandom(draw);
    const own = Array.from({ length: devices }, () => random.pick(speeds));
    drawn.push(own);
    const topology = meshTopology(own, megabitsPerSecond * 1e6, picturesAsBytes(profile.graph));
    const objective = { type: "throughput" } as const;
    const plain = createProblem(profile, topology, objective);
    const tiled = createProblem(profile, topology, objective, { tiles: true });
    for (const [name, planner, isTiled] of asked) {
      const answer = answerOf(planner, isTiled ? tiled : plain, { ...host, limitSeconds });
      periods[name] = [...(periods[name] ?? []), answer.value];
      decisionSeconds[name] = [...(decisionSeconds[name] ?? []), answer.decisionSeconds];
      if (name === withoutTiles) bounds.push(answer.bound);
      if (name === reference) referenceBounds.push(answer.bound);
    }
  }
  const network = profile.graph.name;
  const where = { type: "groups", network, devices, megabitsPerSecond } as const;
  return { ...where, speeds: drawn, periods, decisionSeconds, bounds, referenceBounds };
}
