import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "./clock.node.ts";
import { seconds } from "./units.ts";

test.each([30 * 24 * 3600, Number.POSITIVE_INFINITY])(
  "a sleep of %d s is no short one",
  async (span) => {
    const abort = new AbortController();
    const outcomes: string[] = [];
    // Node says so, and wakes after 1 ms.
    const warn = ({ name }: Error) => outcomes.push(name);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    const sleeping = systemClock.sleep(seconds(span), abort.signal).then(
      () => outcomes.push("woke"),
      () => outcomes.push("aborted"),
    );
    await turn();
    abort.abort();
    await sleeping;
    expect(outcomes).toEqual(["aborted"]);
  },
);
