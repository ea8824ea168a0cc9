import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { CoordinationEvent } from "./coordination/state.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";

export interface PulseOptions {
  readonly clock: Clock;
  readonly heartbeatSeconds: number;
  /** When somebody is missing for too long; `null`: never. */
  readonly deadline: {
    readonly seconds: number;
    readonly type: "joinDeadline" | "recoverDeadline";
  } | null;
  readonly dispatch: (event: CoordinationEvent) => void;
  /** Called at each beat: others are to hear that somebody is here. */
  readonly onBeat: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** When whoever is missing is missing for too long, at the start, or behind it. */
export function deadlineOf(
  {
    joinSeconds = 30,
    rejoinSeconds = 3,
  }: Pick<CoordinatorOptions, "joinSeconds" | "rejoinSeconds">,
  isRecovering: boolean,
): PulseOptions["deadline"] {
  if (isRecovering) return { seconds: rejoinSeconds, type: "recoverDeadline" };
  return joinSeconds === null ? null : { seconds: joinSeconds, type: "joinDeadline" };
}

/** A heartbeat that comes so much too late says that this process was held up. */
const lateAfterBeats = 3;

/** Lets a coordinator know that time passes. */
export function startPulse(options: PulseOptions): void {
  void beat(options);
  void expire(options);
}

async function beat(options: PulseOptions): Promise<void> {
  const { clock, heartbeatSeconds, dispatch, onBeat } = options;
  let last = clock.now();
  while (await hasPassed(options, heartbeatSeconds)) {
    const late = clock.now() - last > lateAfterBeats * heartbeatSeconds;
    last = clock.now();
    dispatch({ type: "tick", late });
    onBeat();
  }
}

async function expire(options: PulseOptions): Promise<void> {
  const { deadline, dispatch } = options;
  if (deadline !== null && (await hasPassed(options, deadline.seconds))) {
    dispatch({ type: deadline.type });
  }
}

/** @returns whether it is not over */
async function hasPassed({ clock, signal }: PulseOptions, duration: number): Promise<boolean> {
  await clock.sleep(seconds(duration), signal).catch(() => undefined);
  return !signal.aborted;
}
