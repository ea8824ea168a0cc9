import FlatQueue from "flatqueue";
import type { Clock } from "./clock.ts";
import { type Seconds, seconds } from "./units.ts";

/** A clock that stands still until it is told to go on, and then wakes each sleeper at its time. */
export interface VirtualClock extends Clock {
  /** Lets `duration` pass, waking on the way everyone whose time has come. */
  advance(duration: Seconds): Promise<void>;
  /** Lets time pass until nobody sleeps any more. Does not return if someone always sleeps again. */
  run(): Promise<void>;
}

export interface VirtualClockOptions {
  /**
   * Resolves when everything that was woken has gone as far as it can without time passing. The
   * default waits for 100 rounds of promise jobs; where a macrotask is at hand (`setImmediate` of
   * `node:timers/promises`), it lets chains of any length finish.
   */
  readonly settle?: () => Promise<void>;
}

/**
 * Starts at 0 s. Who sleeps until the same time wakes in the order of the calls to `sleep`, each
 * after the one before has settled; equal programs thus give equal runs. O(log n) for n sleepers.
 */
export function createVirtualClock({
  settle = settlePromises,
}: VirtualClockOptions = {}): VirtualClock {
  const schedule = new Schedule();
  let now = 0;
  const advanceTo = async (end: number): Promise<void> => {
    await settle();
    for (let due = schedule.next(); due !== null && due.time <= end; due = schedule.next()) {
      now = due.time;
      due.wake();
      await settle();
    }
  };
  return {
    now: () => seconds(now),
    sleep: (duration, signal) => schedule.sleep(now + Math.max(0, duration), signal),
    advance: async (duration) => {
      const end = now + duration;
      await advanceTo(end);
      now = end;
    },
    run: () => advanceTo(Number.POSITIVE_INFINITY),
  };
}

async function settlePromises(): Promise<void> {
  for (let round = 0; round < 100; round++) await undefined;
}

/** Sleepers by the time at which they wake; a heap of times, since equal keys of a heap have no order. */
class Schedule {
  readonly #times = new FlatQueue<number>();
  readonly #sleepers = new Map<number, Set<() => void>>();

  sleep(time: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#sleepers.get(time)?.delete(wake);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#at(time).add(wake);
    });
  }

  /** Takes the sleeper to be woken by `wake`, or peeks: it leaves the schedule only when woken. */
  next(): { readonly time: number; readonly wake: () => void } | null {
    for (;;) {
      const time = this.#times.peekValue();
      if (time === undefined) return null;
      const sleepers = this.#sleepers.get(time);
      const [wake] = sleepers ?? [];
      if (sleepers !== undefined && wake !== undefined) {
        return {
          time,
          wake: () => {
            sleepers.delete(wake);
            wake();
          },
        };
      }
      this.#times.pop();
      this.#sleepers.delete(time);
    }
  }

  #at(time: number): Set<() => void> {
    const known = this.#sleepers.get(time);
    if (known !== undefined) return known;
    const sleepers = new Set<() => void>();
    this.#sleepers.set(time, sleepers);
    this.#times.push(time, time);
    return sleepers;
  }
}
