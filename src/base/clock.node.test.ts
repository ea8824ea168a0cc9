import { expect, test } from "vitest";
import { systemClock } from "./clock.node.ts";
import { seconds } from "./units.ts";

test.each([30 * 24 * 3600, Number.POSITIVE_INFINITY])(
  "a sleep of %d s is no short one",
  async (span) => {
    const abort = new AbortController();
    const outcomes: string[] = [];
    const sleeping = systemClock.sleep(seconds(span), abort.signal).then(
      () => outcomes.push("woke"),
      () => outcomes.push("aborted"),
    );
    await systemClock.sleep(seconds(0.02));
    abort.abort();
    await sleeping;
    expect(outcomes).toEqual(["aborted"]);
  },
);
