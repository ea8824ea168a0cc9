import { readFileSync } from "node:fs";
import { readProfile } from "../../dist/cost/profile.js";
import { script } from "./asking.js";
import type { Command } from "./commands.js";
import type { Testbed } from "./testbed.js";

export interface Calibration {
  readonly network: string;
  /** Percent of one core. */
  readonly quotas: Readonly<Record<string, number>>;
  /** At least. */
  readonly runs: number;
  /** The same; left out: 0. */
  readonly leastSeconds?: number;
  /** What throughputs depend on; left out: the median, as of latencies. */
  readonly isMean?: boolean;
}

export const profileFileOf = (network: string): string => `bench/profiles/${network}.profile.json`;

/**
 * How fast devices are with the parts of a core that they get, against the profile: the whole model on
 * all of them at once.
 */
export async function calibrate<Device extends string>(
  testbed: Testbed,
  {
    network,
    quotas,
    runs,
    leastSeconds = 0,
    isMean = false,
  }: Calibration & { readonly quotas: Readonly<Record<Device, number>> },
): Promise<Record<Device, number>> {
  const file = profileFileOf(network);
  const [kind] = Object.values(readProfile(readFileSync(file, "utf8"), file).devices);
  const whole = (kind?.nodeSeconds ?? []).reduce((sum: number, one) => sum + (one ?? 0), 0);
  const devices = Object.keys(quotas) as Device[];
  const running = devices.map((device) => {
    testbed.quota(device, 100);
    const command: Command = [
      process.execPath,
      script,
      "calibrate",
      network,
      ...[runs, leastSeconds].map(String),
    ];
    return { device, process: testbed.exec(device, command) };
  });
  for (const { device, process } of running) {
    await process.line(/^loaded/);
    testbed.quota(device, quotas[device]);
  }
  const speeds: Partial<Record<Device, number>> = {};
  for (const { device, process } of running) {
    const speed = whole / Number((await process.line(/^took/)).split(" ")[isMean ? 2 : 1]);
    speeds[device] = Number(speed.toPrecision(4));
    await process.ended;
  }
  return speeds as Record<Device, number>;
}

/** Geometric means of what was measured before and after. */
export function meanSpeeds<Device extends string>(
  before: Readonly<Record<Device, number>>,
  after: Readonly<Record<Device, number>>,
): Record<Device, number> {
  const devices = Object.keys(before) as Device[];
  return Object.fromEntries(
    devices.map((device) => [device, Math.sqrt(before[device] * after[device])]),
  ) as Record<Device, number>;
}
