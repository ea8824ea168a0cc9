import { expect, test } from "vitest";
import { timings } from "../../../test/fixtures/observed.ts";
import { heardSeconds } from "./timeline.ts";

test("a device hears of a request when the first tensor is there, and the source at once", () => {
  expect(Object.fromEntries(heardSeconds(timings))).toEqual({
    camera: 0,
    cloud: expect.closeTo(0.06, 9),
  });
});

test("of several tensors the one that comes first counts, also on a longer way", () => {
  const [first, second] = timings.hops;
  if (first === undefined || second === undefined) throw new Error("the sample has hops");
  const hops = [
    { ...first, to: "edge" },
    { ...second, from: "edge", to: "cloud" },
    { ...first, startSeconds: 5 },
  ];
  expect(heardSeconds({ ...timings, hops }).get("cloud")).toBeCloseTo(0.06 + 0.04, 9);
});

test("after a loss, devices that no tensor comes to go on at once with what they have kept", () => {
  const [first, second] = timings.hops;
  if (first === undefined || second === undefined) throw new Error("the sample has hops");
  const away = { ...timings, source: "button", hops: [first] };
  expect(Object.fromEntries(heardSeconds(away))).toEqual({
    camera: 0,
    cloud: expect.closeTo(0.06, 9),
  });
  // Two that send each other tensors, and none of them came from elsewhere.
  const circle = heardSeconds({ ...away, hops: [first, second] });
  expect(Math.min(...circle.values())).toBe(0);
});

test("a plan on one device needs no hops", () => {
  expect(Object.fromEntries(heardSeconds({ ...timings, hops: [], stages: [] }))).toEqual({});
});
