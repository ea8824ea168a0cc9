import { expect, test } from "vitest";
import { createRandom } from "../../../base/random.ts";
import { type MatchingTask, matchPaths } from "./matching.ts";
import { nearestPaths } from "./nearest.ts";

/** Devices 0 to 4 in a circle of links of falling rates, and slow links else. */
function circle(sizes: readonly number[], range: readonly [number, number]): MatchingTask {
  const rates = new Float64Array(25).fill(1);
  for (let device = 0; device < 5; device++) {
    rates[device * 5 + device] = 0;
    rates[device * 5 + ((device + 1) % 5)] = 10 - device;
  }
  return { sizes, range, rates, devices: 5, members: [0, 1, 2, 3, 4] };
}

function toEnd<T>(steps: Generator<null, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

function bottleneck({ sizes, rates, devices }: MatchingTask, path: readonly number[]): number {
  return Math.max(
    ...sizes.map(
      (size, at) => size / (rates[(path[at] as number) * devices + (path[at + 1] as number)] ?? 0),
    ),
  );
}

test("the largest transfers have the fastest links", () => {
  const task = circle([1, 1, 9], [1, 9]);
  const path = toEnd(matchPaths(task, createRandom(1), "mended"));
  // The link of 9 is the fastest one, and the two before lead to it.
  expect(path).toEqual([3, 4, 0, 1]);
  expect(bottleneck(task, path as number[])).toBe(0.9);
});

test("as published, a chain with the largest transfer of all is never placed", () => {
  const random = createRandom(1);
  expect(toEnd(matchPaths(circle([1, 9], [1, 9]), random, "published"))).toBeNull();
  expect(toEnd(matchPaths(circle([1, 8], [1, 9]), random, "published"))).toEqual([4, 0, 1]);
});

test("too few devices, or none that are linked, are a failure", () => {
  const random = createRandom(1);
  expect(toEnd(matchPaths(circle([1, 1, 1, 1, 1], [1, 9]), random, "mended"))).toBeNull();
  const apart = { ...circle([1], [1, 9]), rates: new Float64Array(25) };
  expect(toEnd(matchPaths(apart, random, "mended"))).toBeNull();
  expect(nearestPaths(apart)).toEqual([]);
});

test("the nearest neighbours from every device, that with the fastest slowest link first", () => {
  const paths = nearestPaths(circle([1, 1], [1, 1]));
  expect(paths).toHaveLength(5);
  expect(paths[0]).toEqual([0, 1, 2]);
});

test("a run of many links of one class is placed in pieces", () => {
  const devices = 14;
  const rates = new Float64Array(devices * devices).fill(5);
  const members = Array.from({ length: devices }, (_, device) => device);
  const sizes = new Array<number>(12).fill(3);
  const task = { sizes, range: [1, 9], rates, devices, members } as const;
  const path = toEnd(matchPaths(task, createRandom(1), "mended"));
  expect(new Set(path).size).toBe(13);
});
