import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { UnderWay } from "./under-way.ts";

const gone = new CodedError("CHANNEL_CLOSED", "gone");
const ended = new CodedError("MODEL_NOT_READY", "the end");

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

test("takes no more than so many at a time, and others when those are answered or given up", async () => {
  const underWay = new UnderWay(2);
  const client = new AbortController();
  const patient = new AbortController().signal;
  const first = underWay.run(client.signal, untilAborted);
  const second = underWay.run(patient, async () => "answered");
  await expect(underWay.run(patient, untilAborted)).rejects.toMatchObject({ code: "DEVICE_BUSY" });
  expect(await second).toBe("answered");
  client.abort(gone);
  await expect(first).rejects.toBe(gone);
  expect(await underWay.run(patient, async ({ aborted }) => aborted)).toBe(false);
  expect(await underWay.run(client.signal, async ({ aborted }) => aborted)).toBe(true);
});

test("the end is when none is under way, at the latest when those that are have been given up", async () => {
  const underWay = new UnderWay(9);
  const clock = createVirtualClock();
  await underWay.end(seconds(10), clock, () => ended);
  const stuck = underWay.run(new AbortController().signal, untilAborted);
  const refused = expect(stuck).rejects.toBe(ended);
  const over = underWay.end(seconds(10), clock, () => ended);
  await clock.advance(seconds(10));
  await Promise.all([over, refused]);
});
