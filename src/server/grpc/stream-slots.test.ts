import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { StreamSlots } from "./stream-slots.ts";

test("a stream that has been quiet for long gives way to another, one that waits for an answer never", async () => {
  const clock = createVirtualClock();
  const slots = new StreamSlots(2, clock);
  const ended: string[] = [];
  const take = (name: string) => slots.take(({ code }) => ended.push(`${name} ${code}`));
  const asking = take("asking");
  asking.asked();
  const quiet = take("quiet");
  await clock.advance(seconds(59));
  expect(() => take("third")).toThrow("2 streams are open");
  await clock.advance(seconds(1));
  const third = take("third");
  expect(ended).toEqual(["quiet DEVICE_BUSY"]);
  quiet.leave();
  expect(() => take("fourth")).toThrow("2 streams are open");
  third.leave();
  take("fourth");
  asking.answered();
  await clock.advance(seconds(60));
  take("fifth");
  take("sixth");
  expect(ended.toSorted()).toEqual([
    "asking DEVICE_BUSY",
    "fourth DEVICE_BUSY",
    "quiet DEVICE_BUSY",
  ]);
});
