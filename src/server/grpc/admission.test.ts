import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { Admission } from "./admission.ts";

const never = new AbortController().signal;

function start(heldBytes = 100) {
  const clock = createVirtualClock();
  return { clock, admission: new Admission({ heldBytes, clock }) };
}

test("lets messages in while there is room, and the next as soon as one needs less or is gone", async () => {
  const { clock, admission } = start();
  const [first, second] = [await admission.enter(50, never), await admission.enter(50, never)];
  const entered: string[] = [];
  void admission.enter(50, never).then(() => entered.push("third"));
  void admission.enter(50, never).then(() => entered.push("fourth"));
  await clock.advance(seconds(0));
  expect(entered).toEqual([]);
  first.arrived(0);
  await clock.advance(seconds(0));
  expect(entered).toEqual(["third"]);
  second.leave();
  second.leave();
  await clock.advance(seconds(0));
  expect(entered).toEqual(["third", "fourth"]);
  expect(admission.held).toBe(100);
});

test("a message that takes long gives way only when somebody waits", async () => {
  const { clock, admission } = start(50);
  const slow = await admission.enter(50, never);
  await clock.advance(seconds(60));
  expect(slow.displaced.aborted).toBe(false);
  const next = admission.enter(50, never);
  await clock.advance(seconds(0));
  expect(slow.displaced.reason).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect((await next).displaced.aborted).toBe(false);
  slow.arrived(50);
  slow.leave();
  expect(admission.held).toBe(50);
});

test("what has arrived never gives way, and who stops waiting is forgotten", async () => {
  const { clock, admission } = start(50);
  const whole = await admission.enter(50, never);
  whole.arrived(50);
  const gone = new AbortController();
  const waiting = admission.enter(50, gone.signal);
  await clock.advance(seconds(60));
  expect(whole.displaced.aborted).toBe(false);
  gone.abort(new Error("gone"));
  await expect(waiting).rejects.toThrow("gone");
  whole.leave();
  expect(admission.held).toBe(0);
});

test("a message larger than everything that may be held is let in alone", async () => {
  const { admission } = start(10);
  const large = await admission.enter(50, never);
  expect(admission.held).toBe(50);
  large.leave();
});
