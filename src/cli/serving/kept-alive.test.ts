import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../../base/virtual-clock.ts";
import { keepAlive } from "./kept-alive.ts";

/** Lets time pass until so many have been started, within reason. */
async function untilStarted(
  clock: VirtualClock,
  startedAt: readonly number[],
  count: number,
): Promise<void> {
  for (let step = 0; step < 100 && startedAt.length < count; step++) {
    await clock.advance(seconds(0.5));
  }
}

/** Starts what the test lets die. */
function setUp() {
  const clock = createVirtualClock();
  const startedAt: number[] = [];
  const told: number[] = [];
  let die: () => void = () => undefined;
  let ended = 0;
  const kept = keepAlive(
    () => {
      startedAt.push(clock.now());
      const death = new Promise<never>((_, reject) => {
        die = () => reject(new Error("killed"));
      });
      return { death, end: async () => void ended++ };
    },
    { clock, onDeath: (_, pause) => told.push(pause) },
  );
  return { clock, kept, startedAt, told, die: () => die(), ended: () => ended };
}

test("what dies is started again, after pauses that grow to half a minute", async () => {
  const { clock, startedAt, told, die } = setUp();
  for (let death = 1; death <= 7; death++) {
    die();
    await untilStarted(clock, startedAt, death + 1);
  }
  expect(told).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect(startedAt.slice(0, 4)).toEqual([0, 1, 3, 7]);
});

test("what has lived for a minute is started again soon", async () => {
  const { clock, startedAt, told, die } = setUp();
  for (const lifetime of [0, 0, 60]) {
    await clock.advance(seconds(lifetime));
    die();
    await untilStarted(clock, startedAt, startedAt.length + 1);
  }
  expect(told).toEqual([1, 2, 1]);
});

test("nothing is started after the end, not even what was to come", async () => {
  const { clock, kept, startedAt, die, ended } = setUp();
  die();
  await clock.advance(seconds(0.5));
  await kept[Symbol.asyncDispose]();
  await clock.advance(seconds(10));
  expect([startedAt.length, ended()]).toEqual([1, 1]);
});

test("what cannot even be started is tried again", async () => {
  const clock = createVirtualClock();
  const startedAt: number[] = [];
  const kept = keepAlive(
    () => {
      startedAt.push(clock.now());
      throw new Error("no memory for another process");
    },
    { clock, onDeath: () => undefined },
  );
  await untilStarted(clock, startedAt, 3);
  expect(startedAt).toEqual([0, 1, 3]);
  await kept[Symbol.asyncDispose]();
});
