import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { Admission } from "./admission.ts";

const never = new AbortController().signal;
const pace = { transferSeconds: 300, leastBytesPerSecond: 2 ** 16 };

function start(heldBytes = 100) {
  const clock = createVirtualClock();
  return { clock, admission: new Admission({ heldBytes, pace, clock }) };
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

test("what room was set aside for has longer by what of it is here", async () => {
  const { clock, admission } = start(2 ** 26);
  const [silent, lively] = [
    await admission.enter(2 ** 25, never),
    await admission.enter(2 ** 25, never),
  ];
  lively.came(2 ** 24);
  await clock.advance(seconds(301));
  expect([silent.displaced.aborted, lively.displaced.aborted]).toEqual([true, false]);
  await clock.advance(seconds(256));
  expect(lively.displaced.reason).toMatchObject({ message: /not here after 556 s/ });
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

test("an answer counts in the place of its request until it is taken, and has no more room than there is", () => {
  const { admission } = start();
  const [first, second] = [admission.open(), admission.open()];
  first.take(10);
  first.arrived(10);
  second.take(10);
  second.arrived(10);
  first.answered(90);
  expect(admission.held).toBe(100);
  const codeOf = (answer: () => void) => {
    try {
      answer();
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
    return null;
  };
  expect(codeOf(() => second.answered(20))).toBe("DEVICE_BUSY");
  expect(codeOf(() => admission.open().take(1))).toBe("DEVICE_BUSY");
  first.leave();
  expect(codeOf(() => second.answered(200))).toBe(null);
  second.leave();
  expect(admission.held).toBe(0);
  // Its client went before it was answered.
  second.answered(50);
  second.take(50);
  expect(admission.held).toBe(0);
});

test("who is slow to send or to take gives way to whoever needs the room, and in the end anyway", async () => {
  const { clock, admission } = start();
  const slow = admission.open();
  const [quiet, answered] = [admission.open(), admission.open()];
  slow.take(50);
  answered.arrived(0);
  answered.answered(50);
  answered.sending();
  await clock.advance(seconds(4));
  expect(() => quiet.take(50)).toThrow("at most 100 are held");
  await clock.advance(seconds(1.1));
  quiet.take(50);
  expect(slow.displaced.reason).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect(() => slow.take(1)).toThrow("others needed its room");
  quiet.arrived(50);
  expect([admission.held, answered.displaced.aborted]).toEqual([100, false]);
  const sent = admission.sent(seconds(1000));
  await clock.advance(seconds(293));
  expect(answered.displaced.aborted).toBe(false);
  await clock.advance(seconds(3));
  await sent;
  expect(answered.displaced.reason).toMatchObject({ message: /not taken after 300 s/ });
  expect([admission.held, quiet.displaced.aborted]).toEqual([50, false]);
});

test("what is large has longer, by the least rate, and longer also when others need its room", async () => {
  const mebibytes = (count: number) => count * 2 ** 20;
  const { clock, admission } = start(mebibytes(100));
  const [request, answer] = [admission.open(), admission.open()];
  request.take(mebibytes(40));
  answer.arrived(0);
  answer.answered(mebibytes(40));
  answer.sending();
  await clock.advance(seconds(9));
  expect(() => admission.open().take(mebibytes(30))).toThrow("try again later");
  await clock.advance(seconds(300 + 640 - 10));
  expect([request.displaced.aborted, answer.displaced.aborted]).toEqual([false, false]);
  await clock.advance(seconds(2));
  expect(answer.displaced.reason).toMatchObject({ message: /not taken after 940 s/ });
  expect(request.displaced.reason).toMatchObject({ message: /not here after 940 s/ });
  const late = admission.open();
  late.take(mebibytes(80));
  await clock.advance(seconds(16));
  admission.open().take(mebibytes(30));
  expect(late.displaced.reason).toMatchObject({ message: /after 15 s, and others needed/ });
});

test("an answer behind another one of its client waits for it before its own time begins", async () => {
  const { clock, admission } = start();
  const second = admission.open();
  second.arrived(0);
  second.answered(50);
  await clock.advance(seconds(900));
  let isOver = false;
  void admission.sent(seconds(10)).then(() => {
    isOver = true;
  });
  await clock.advance(seconds(9));
  expect([second.displaced.aborted, isOver]).toEqual([false, false]);
  second.sending();
  await clock.advance(seconds(299));
  expect(second.displaced.aborted).toBe(false);
  await clock.advance(seconds(2));
  expect(second.displaced.aborted).toBe(true);
});

test("whether answers are through is waited for as long as is wanted, and no longer", async () => {
  const { clock, admission } = start();
  await admission.sent(seconds(10));
  const guest = admission.open();
  guest.arrived(0);
  guest.answered(10);
  let isOver = false;
  void admission.sent(seconds(10)).then(() => {
    isOver = true;
  });
  await clock.advance(seconds(9));
  expect(isOver).toBe(false);
  await clock.advance(seconds(2));
  expect(isOver).toBe(true);
  guest.leave();
});
