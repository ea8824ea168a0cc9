/**
 * Live re-planning of a cluster on real machines, and of one that imitates a trace.
 *
 * @module
 */
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import { Steering, type SteeringOptions } from "../cluster/steering.ts";
import { changeTimes, stateAt, type Trace } from "../cost/trace.ts";

/** What is to be planned in a part of the topology, and who plans it as it is measured. */
export type Judge = Pick<SteeringOptions, "problemOf"> & Required<Pick<SteeringOptions, "solve">>;

/** Steers coordinators with what a judge says; `null`: nobody judges. */
export function steeringBy(judge: Judge | undefined, signal: AbortSignal): Steering | null {
  return judge === undefined ? null : new Steering({ ...judge, clock: systemClock, signal });
}

/** Has a cluster imitate a trace, whose seconds count from now on. */
export async function playTrace(
  coordinator: Coordinator,
  trace: Trace,
  signal: AbortSignal,
): Promise<void> {
  const start = systemClock.now();
  for (const time of changeTimes(trace)) {
    const left = start + time - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left), signal).catch(() => undefined);
    if (signal.aborted) return;
    coordinator.emulate(stateAt(trace, time));
  }
}
