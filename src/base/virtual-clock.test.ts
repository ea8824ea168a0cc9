import fc from "fast-check";
import { expect, test } from "vitest";
import { seconds } from "./units.ts";
import { createVirtualClock } from "./virtual-clock.ts";

test("wakes sleepers at their own times, in order, and equal times in order of the calls", async () => {
  const clock = createVirtualClock();
  const woken: [string, number][] = [];
  const sleep = async (name: string, duration: number) => {
    await clock.sleep(seconds(duration));
    woken.push([name, clock.now()]);
  };
  const all = [sleep("c", 3), sleep("a", 1), sleep("b", 2), sleep("b2", 2)];
  await clock.advance(seconds(2));
  expect(woken).toEqual([
    ["a", 1],
    ["b", 2],
    ["b2", 2],
  ]);
  await clock.advance(seconds(0.5));
  expect(clock.now()).toBe(2.5);
  await clock.run();
  await Promise.all(all);
  expect(woken.at(-1)).toEqual(["c", 3]);
});

test("whoever sleeps again while time passes is woken within the same advance", async () => {
  const clock = createVirtualClock();
  const times: number[] = [];
  const ticking = (async () => {
    for (let tick = 0; tick < 4; tick++) {
      await clock.sleep(seconds(0.25));
      times.push(clock.now());
    }
  })();
  await clock.advance(seconds(1));
  await ticking;
  expect(times).toEqual([0.25, 0.5, 0.75, 1]);
});

test("an aborted sleep rejects with the reason at once and holds time no longer", async () => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const reason = new Error("enough");
  const sleeping = clock.sleep(seconds(10), controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(clock.sleep(seconds(1), controller.signal)).rejects.toBe(reason);
  await clock.run();
  expect(clock.now()).toBe(0);
});

test("time never runs backwards, and every sleep lasts as long as was asked", async () => {
  const durations = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(durations, { maxLength: 5 }), async (programs) => {
      const clock = createVirtualClock();
      let last = 0;
      const running = programs.map(async (program) => {
        let expected = 0;
        for (const duration of program) {
          await clock.sleep(seconds(duration));
          expected += duration;
          expect(clock.now()).toBe(expected);
          expect(clock.now()).toBeGreaterThanOrEqual(last);
          last = clock.now();
        }
      });
      await clock.run();
      await Promise.all(running);
    }),
  );
});
