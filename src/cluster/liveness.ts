import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";

export interface LivenessOptions {
  readonly clock: Clock;
  /** Asked anew at each beat. */
  readonly liveness: () => Liveness;
  /** Grows with everything that is heard of the other side, be it a few bytes of a frame. */
  readonly heard: () => number;
  /** Called at each beat; `isSilent`: nothing was heard since the last, so that a ping is due. */
  readonly onBeat: (isSilent: boolean) => void;
  /** Called once, when the other side was silent for too many beats. */
  readonly onSilent: (silentSeconds: number) => void;
}

export interface Liveness {
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
}

/** A beat that is late by more than this many intervals says that this side itself stood still. */
const ownDelayLimit = 1;

/**
 * Watches whether another side is still there, until it is silent for too long or the signal aborts.
 *
 * Silence is counted in this side's own beats. Who was suspended itself, or kept from its timers,
 * starts to count anew: it cannot know what it would have heard.
 */
export async function watchLiveness(options: LivenessOptions, signal: AbortSignal): Promise<void> {
  const { clock, liveness, heard, onBeat, onSilent } = options;
  let last = clock.now();
  let known = heard();
  for (let silent = 0; !signal.aborted; ) {
    const { heartbeatSeconds, missedHeartbeats } = liveness();
    try {
      await clock.sleep(seconds(heartbeatSeconds), signal);
    } catch {
      return;
    }
    const now = clock.now();
    const late = now - last - heartbeatSeconds;
    const isNews = heard() !== known || late > ownDelayLimit * heartbeatSeconds;
    last = now;
    known = heard();
    silent = isNews ? 0 : silent + 1;
    if (silent >= missedHeartbeats) {
      onSilent(silent * heartbeatSeconds);
      return;
    }
    onBeat(silent > 0);
  }
}
