import { expect, test } from "vitest";
import { seconds } from "../../base/units.ts";
import { steadyPeriod, streamRequests } from "./stream.ts";

const value = (...data: number[]) => ({
  x: {
    dataType: "float32",
    shape: [data.length],
    data: new Uint8Array(Float32Array.from(data).buffer),
  },
});

test("measures the period without the time in which the pipeline fills", () => {
  expect(steadyPeriod([9, 10, 11, 12, 13])).toBe(1);
  expect(steadyPeriod([5, 7, 8, 9, 10, 11, 12, 13, 14, 15])).toBe(1);
});

test("says nothing about the period of a few requests", async () => {
  const streamed = await streamRequests({
    infer: async () => value(0),
    inputs: [value(1)],
    references: [value(0)],
    count: 9,
    warmUps: 0,
    clock: { now: () => seconds(0), sleep: async () => undefined },
    onAnswer: () => undefined,
  });
  expect(streamed).toMatchObject({ answered: 9, bitEqual: 9, periodSeconds: null });
});

test("counts an answer that differs in one bit", async () => {
  let now = 0;
  let asked = 0;
  const streamed = await streamRequests({
    infer: async () => value(++asked === 7 ? -0 : 0),
    inputs: [value(1), value(2)],
    references: [value(0), value(0)],
    count: 20,
    warmUps: 4,
    clock: { now: () => seconds(now++), sleep: async () => undefined },
    onAnswer: () => undefined,
  });
  expect(streamed).toMatchObject({ answered: 20, bitEqual: 19, latencySeconds: 1 });
});
