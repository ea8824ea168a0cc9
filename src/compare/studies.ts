import { decisionTimes } from "./decision-times.ts";
import { deviceGroups } from "./device-groups.ts";
import { kPathStudy } from "./k-path.ts";
import type { Study } from "./study.ts";
import { threeTiers } from "./three-tiers.ts";
import { twoDevices } from "./two-devices.ts";
import { withoutBenchmarks } from "./without-benchmarks.ts";

/** The studies of `partita bench planners`, in the order of their pages. */
export const studies: readonly Study[] = [
  twoDevices,
  threeTiers,
  withoutBenchmarks,
  kPathStudy,
  deviceGroups,
  decisionTimes,
];
