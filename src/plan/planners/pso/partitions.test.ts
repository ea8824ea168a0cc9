import { expect, test } from "vitest";
import { createRandom } from "../../../base/random.ts";
import { neighboursOf } from "./neighbours.ts";
import { decode, encode, normalise, orderedPartitions } from "./partitions.ts";

const devices = (count: number): number[] => Array.from({ length: count }, (_, device) => device);

test("there are as many ordered partitions as Fubini counted, and as many orders as permutations", () => {
  const counts = [1, 2, 3, 4, 5, 6].map((count) => {
    const all = [...orderedPartitions(devices(count), false)].map((one) => JSON.stringify(one));
    expect(new Set(all).size).toBe(all.length);
    return all.length;
  });
  expect(counts).toEqual([1, 3, 13, 75, 541, 4683]);
  expect([...orderedPartitions(devices(4), true)]).toHaveLength(24);
});

test("a particle at the place of a partition stands for it", () => {
  for (const partition of orderedPartitions([2, 3, 5, 7], false)) {
    expect(decode(encode(partition, [2, 3, 5, 7]), [2, 3, 5, 7], false)).toEqual(partition);
  }
  for (const order of orderedPartitions([2, 3, 5, 7], true)) {
    expect(decode(encode(order, [2, 3, 5, 7]), [2, 3, 5, 7], true)).toEqual(order);
  }
});

test("a number behind the last stage leaves a device unused", () => {
  expect(decode([2.5, 0.1, 3.2], [4, 5, 6], false)).toEqual([[5], [4]]);
  expect(decode([2.5, 0.1, 3.2], [4, 5, 6], true)).toEqual([[5], [4]]);
});

test("partitions that differ by alike devices have one normal form", () => {
  const twinBefore = [-1, 0, -1, 1];
  expect(normalise([[3], [0, 2]], twinBefore)).toEqual([[0], [1, 2]]);
  expect(normalise([[1, 0], [3]], twinBefore)).toEqual([[0, 1], [3]]);
});

test("any partition can be reached from any other by neighbours", () => {
  const random = createRandom(1);
  const all = [...orderedPartitions([0, 1, 2], false)];
  const seen = new Set<string>();
  const open = [random.pick(all)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(JSON.stringify(next))) continue;
    seen.add(JSON.stringify(next));
    for (const other of neighboursOf(next, [0, 1, 2], false)) {
      open.push(other.map((group) => [...group].sort()));
    }
  }
  for (const one of all) expect(seen).toContain(JSON.stringify(one));
});
