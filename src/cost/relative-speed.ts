import type { Profile } from "./profile.ts";
import type { Topology } from "./topology.ts";

/**
 * How fast a machine is, relative to the one that a kind of device was profiled on, by what the
 * standard benchmark took on both. An estimate: a plan's times on it are the profiled ones ÷ this.
 *
 * @param kind a key of the profile's `devices`; left out: its only one
 * @param benchmarkSeconds on the machine; `null`: it was not run
 * @returns `null` if it was not run on one of them, or the profile has no such kind, or several
 */
export function relativeSpeed(
  { devices }: Pick<Profile, "devices">,
  kind: string | undefined,
  benchmarkSeconds: number | null,
): number | null {
  return speedBy(benchmarkOf(devices, kind), benchmarkSeconds);
}

/** The same, where it is known what the benchmark took when the profile was measured. */
export function speedBy(
  profiledSeconds: number | undefined,
  benchmarkSeconds: number | null,
): number | null {
  if (profiledSeconds === undefined || benchmarkSeconds === null || benchmarkSeconds <= 0) {
    return null;
  }
  return profiledSeconds / benchmarkSeconds;
}

/** Beyond such a share the standard benchmark contradicts a stated speed: it is a rough measure. */
const credibleShare = 0.3;

/** Whether what was measured contradicts what is stated; `null`: nothing was measured. */
export function contradicts(statedSpeed: number, measuredSpeed: number | null): boolean {
  return measuredSpeed !== null && Math.abs(measuredSpeed / statedSpeed - 1) > credibleShare;
}

/**
 * What the standard benchmark took where each device of a topology was profiled, in seconds, by
 * device. Devices are left out whose kind is not known, or was profiled without it.
 */
export function profiledBenchmarks(
  { devices: kinds }: Pick<Profile, "devices">,
  { devices }: Pick<Topology, "devices">,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    devices.flatMap(({ name, profile }) => {
      const taken = benchmarkOf(kinds, profile);
      return taken === undefined ? [] : [[name, taken] as const];
    }),
  );
}

function benchmarkOf(kinds: Profile["devices"], kind: string | undefined): number | undefined {
  const names = Object.keys(kinds);
  const name = kind ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || !Object.hasOwn(kinds, name)) return undefined;
  return kinds[name]?.benchmarkSeconds;
}
