import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { watchLiveness } from "./liveness.ts";

function watch() {
  const clock = createVirtualClock({ settle: () => setImmediate() });
  const seen: string[] = [];
  const stop = new AbortController();
  let stalledSeconds = 0;
  /** Time goes on for everybody, yet this side wakes late. */
  const own: Clock = {
    now: () => clock.now(),
    sleep: (duration, signal) => {
      const late = stalledSeconds;
      stalledSeconds = 0;
      return clock.sleep(seconds(duration + late), signal);
    },
  };
  const side = {
    clock,
    seen,
    stop,
    heard: 0,
    stall: (duration: number) => {
      stalledSeconds = duration;
    },
  };
  const liveness = () => ({ heartbeatSeconds: 0.5, missedHeartbeats: 4 });
  const onBeat = (isSilent: boolean) => seen.push(isSilent ? "ping" : "beat");
  const onSilent = (silentSeconds: number) => seen.push(`silent ${silentSeconds} s`);
  void watchLiveness(
    { clock: own, liveness, heard: () => side.heard, onBeat, onSilent },
    stop.signal,
  );
  return side;
}

test("asks after one silent interval, and gives up after as many as are allowed", async () => {
  const side = watch();
  side.heard = 1;
  await side.clock.advance(seconds(2));
  expect(side.seen).toEqual(["beat", "ping", "ping", "ping"]);
  await side.clock.run();
  expect(side.seen.at(-1)).toBe("silent 2 s");
  expect(side.clock.now()).toBe(2.5);
});

test("a few bytes now and then are enough", async () => {
  const side = watch();
  for (let round = 0; round < 10; round++) {
    side.heard++;
    await side.clock.advance(seconds(1.9));
  }
  expect(side.seen.join()).not.toContain("silent");
  side.stop.abort();
  await side.clock.run();
  expect(side.clock.now()).toBeCloseTo(19, 6);
});

test("who was suspended itself blames nobody, and begins to count anew", async () => {
  const side = watch();
  await side.clock.advance(seconds(1));
  side.stall(60);
  await side.clock.advance(seconds(62));
  expect(side.seen.join()).not.toContain("silent");
  await side.clock.run();
  expect(side.seen.at(-1)).toBe("silent 2 s");
});
