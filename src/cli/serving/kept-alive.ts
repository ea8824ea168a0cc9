import type { Clock } from "../../base/clock.ts";
import { type Seconds, seconds } from "../../base/units.ts";

/** Something that runs until it is told to end, or dies. */
export interface Mortal {
  /** Rejects when it dies. */
  readonly death: Promise<never>;
  end(): Promise<void>;
}

export interface KeepingAlive {
  readonly clock: Clock;
  /** Called when one has died; after the pause the next one is started. */
  readonly onDeath: (why: unknown, pause: Seconds) => void;
}

/** Before the next one is started, in seconds: doubled each time, unless one has lived for `steady`. */
const pauses = { first: 1, last: 30, steady: 60 } as const;

/**
 * Starts one, and another one whenever it has died or could not be started, until it is disposed of.
 */
export function keepAlive(start: () => Mortal, options: KeepingAlive): AsyncDisposable {
  const { clock, onDeath } = options;
  const over = new AbortController();
  let current: Mortal | null = null;
  const live = async (): Promise<unknown> => {
    try {
      current = start();
      return await current.death;
    } catch (error) {
      return error;
    }
  };
  const succeed = async (): Promise<void> => {
    for (let pause: number = pauses.first; ; pause = Math.min(2 * pause, pauses.last)) {
      const startedAt = clock.now();
      const why = await live();
      if (clock.now() - startedAt >= pauses.steady) pause = pauses.first;
      onDeath(why, seconds(pause));
      await clock.sleep(seconds(pause), over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
    }
  };
  void succeed();
  return {
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await current?.end();
    },
  };
}
