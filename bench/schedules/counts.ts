import type { ClusterSimulation } from "../../dist/sim/cluster.js";

type Sums = "asked" | "answered" | "lost" | "doubled" | "wrong" | "replays" | "generations";

/** What schedules came to, together. */
export interface ScheduleCounts
  extends Readonly<Record<Sums | "adoptions" | "frames" | "virtualSeconds", number>> {
  readonly schedules: number;
  /** Run a second time, and those of them that were not the same. */
  readonly repeated: number;
  readonly irreproducible: readonly number[];
  /** By code. */
  readonly failed: Readonly<Record<string, number>>;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** What `simulateCluster` needs to do the same again, and what was not as it must be. */
  readonly failing: readonly { readonly schedule: string; readonly is: readonly string[] }[];
}

export const noCounts: ScheduleCounts = {
  schedules: 0,
  asked: 0,
  answered: 0,
  lost: 0,
  doubled: 0,
  wrong: 0,
  replays: 0,
  generations: 0,
  adoptions: 0,
  frames: 0,
  virtualSeconds: 0,
  repeated: 0,
  irreproducible: [],
  failed: {},
  faults: {},
  failing: [],
};

export function countsOf(outcome: ClusterSimulation): ScheduleCounts {
  const { schedule, violations, faults, ...sums } = outcome;
  const isDisordered = schedule.disorder.duplicate > 0;
  const names = [...faults, ...(isDisordered ? ["messages come twice and out of order"] : [])];
  const { longestSeconds: _, models: __, ...counts } = sums;
  return {
    ...noCounts,
    ...counts,
    schedules: 1,
    faults: names.reduce((all, name) => addMaps(all, { [name]: 1 }), {}),
    failing:
      violations.length === 0 ? [] : [{ schedule: JSON.stringify(schedule), is: violations }],
  };
}

export function addCounts(one: ScheduleCounts, other: ScheduleCounts): ScheduleCounts {
  const added = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const key = name as keyof ScheduleCounts;
    const before = one[key];
    const sum =
      Array.isArray(before) && Array.isArray(value)
        ? [...before, ...value]
        : typeof before === "number"
          ? before + Number(value)
          : addMaps(before as Record<string, number>, value as Record<string, number>);
    Object.assign(added, { [key]: sum });
  }
  return added;
}

function addMaps(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const added = { ...one };
  for (const [key, count] of Object.entries(other)) added[key] = (added[key] ?? 0) + count;
  return added;
}
