/**
 * What a cluster says of its machines, held against what is seen or stated.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { contradicts } from "../../cost/relative-speed.ts";
import { type Check, ok, skipped, warning } from "./check.ts";

/** Beyond it logs of two machines cannot be laid side by side. */
const largestSkewSeconds = 1;

/**
 * How far this machine's calendar is from the coordinator's.
 *
 * @param asked when the coordinator was asked, and `answered` when it had answered, by this machine's
 * calendar, in seconds since 1970: it said what it said in between
 */
export function checkSkew(
  { calendarSeconds }: ClusterStatus,
  asked: number,
  answered: number,
): Check {
  const name = "clock skew";
  if (calendarSeconds === null) return skipped(name, "the coordinator does not tell its calendar");
  const skew = Math.max(calendarSeconds - answered, asked - calendarSeconds, 0);
  if (skew <= largestSkewSeconds) {
    return ok(name, `none above ${formatQuantity(Math.max(answered - asked, 1e-3), "s")}`);
  }
  const ahead = calendarSeconds > answered ? "ahead of" : "behind";
  return warning(
    name,
    `the coordinator's calendar is ${formatQuantity(skew, "s")} ${ahead} this machine's`,
    "set the clocks of both (NTP): logs do not fit together, and with hours between them certificates are not valid",
  );
}

/** Whether speeds that the topology states are what the standard benchmark says. */
export function checkSpeeds({ devices, emulated }: ClusterStatus): readonly Check[] {
  // There speeds are what the topology says, whatever the machine.
  if (emulated) return [];
  return devices.flatMap(({ device, statedSpeed, measuredSpeed }) => {
    if (measuredSpeed === null) return [];
    const name = `speed of ${device}`;
    const measured = Number(measuredSpeed.toPrecision(2));
    if (!contradicts(statedSpeed, measuredSpeed)) {
      return [ok(name, `${statedSpeed} stated, ${measured} by the standard benchmark`)];
    }
    return [
      warning(
        name,
        `${statedSpeed} stated, but ${measured} by the standard benchmark: plans count on times that do not come`,
        `write speed: ${measured} into the topology, or measure it: partita profile MODEL --on ${device}`,
      ),
    ];
  });
}
