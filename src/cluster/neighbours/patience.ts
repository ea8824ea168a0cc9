import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";

/** A signal that aborts after a time, unless it is ended before. */
export interface TimeLimit {
  readonly controller: AbortController;
  end(): void;
}

export function limitTime(clock: Clock, limitSeconds: number): TimeLimit {
  const controller = new AbortController();
  const done = new AbortController();
  const expire = (): void =>
    controller.abort(new CodedError("CHANNEL_CLOSED", `no channel stood after ${limitSeconds} s`));
  clock.sleep(seconds(limitSeconds), done.signal).then(expire, () => undefined);
  return { controller, end: () => done.abort() };
}

/** Where those wait who go on when something has happened, or their time is up. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #releases = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns whether it was `release` that ended the wait */
  async wait(limitSeconds: number): Promise<boolean> {
    const done = new AbortController();
    let release = (): void => undefined;
    const released = new Promise<boolean>((resolve) => {
      release = () => resolve(true);
    });
    this.#releases.add(release);
    const expired = this.#clock.sleep(seconds(limitSeconds), done.signal).then(
      () => false,
      () => true,
    );
    const wasReleased = await Promise.race([released, expired]);
    this.#releases.delete(release);
    done.abort();
    return wasReleased;
  }

  release(): void {
    for (const release of this.#releases) release();
  }
}
