import { expect, test } from "vitest";
import { transfersOf } from "./under-way.ts";

test("a transfer is as fast as its receiver sees it come in, when that has seen enough", () => {
  const pending = [{ device: "b", bytes: 600_000, passedSeconds: 0.65, seconds: 0.4 }];
  const heardBy = (bytes: number, seconds: number) =>
    transfersOf([
      { agent: { name: "a" }, pending, arriving: [] },
      { agent: { name: "b" }, pending: [], arriving: [{ device: "a", bytes, seconds }] },
    ]);
  const known = { from: "a", to: "b", bytes: 600_000, seconds: 0.4 };
  expect(heardBy(25_000, 0.25)).toEqual([{ ...known, seconds: 0.65, seenBitsPerSecond: 800_000 }]);
  expect(heardBy(0, 0.25)).toEqual([known]);
  expect(heardBy(25_000, 0.05)).toEqual([known]);
});

test("what comes the other way says nothing of a transfer", () => {
  const pending = [{ device: "b", bytes: 100, passedSeconds: 1, seconds: 1 }];
  const arriving = [{ device: "b", bytes: 100, seconds: 1 }];
  expect(transfersOf([{ agent: { name: "a" }, pending, arriving }])).toEqual([
    { from: "a", to: "b", bytes: 100, seconds: 1 },
  ]);
});
