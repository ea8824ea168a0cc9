import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../../base/random.ts";
import { type Adjacency, findPath, setBit } from "./colour-coding.ts";

function linked(devices: number, links: readonly (readonly [number, number])[]): Adjacency {
  const words = Math.ceil(devices / 32);
  const rows = new Uint32Array(devices * words);
  for (const [from, to] of links) setBit(rows, from * words, to);
  return { devices, words, rows };
}

const row = Array.from({ length: 39 }, (_, from) => [from, from + 1] as const);
const all = Array.from({ length: 40 }, (_, device) => device);

test("the only path between two devices is found, over the borders of words", () => {
  const wanted = { length: 6, from: 29, to: 34, allowed: all };
  const path = findPath(linked(40, row), wanted, createRandom(1), "mended");
  expect(path).toEqual([29, 30, 31, 32, 33, 34]);
});

test("devices that are not allowed are gone round, and links have a direction", () => {
  const links = linked(5, [...row.slice(0, 4), [0, 4], [4, 2]] as const);
  const wanted = { length: 3, from: 0, to: 2, allowed: [0, 2, 3, 4] };
  expect(findPath(links, wanted, createRandom(1), "mended")).toEqual([0, 4, 2]);
  const back = { length: 3, from: 2, to: 0, allowed: [0, 1, 2, 3, 4] };
  expect(findPath(links, back, createRandom(1), "mended")).toBeNull();
});

test("paths are simple, and found where an exhaustive search finds one", () => {
  const link = fc.tuple(fc.nat(6), fc.nat(6)).filter(([from, to]) => from !== to);
  const ends = fc.option(fc.nat(6));
  fc.assert(
    fc.property(
      fc.array(link, { maxLength: 14 }),
      fc.integer({ min: 2, max: 5 }),
      ends,
      ends,
      fc.nat(),
      (links, length, from, to, seed) => {
        fc.pre(from === null || from !== to);
        const allowed = [0, 1, 2, 3, 4, 5, 6];
        const isLink = (a: number, b: number): boolean =>
          links.some(([one, other]) => one === a && other === b);
        const reaches = (path: number[]): boolean => {
          const last = path.at(-1) as number;
          if (path.length === length) return to === null || last === to;
          return allowed.some(
            (next) => !path.includes(next) && isLink(last, next) && reaches([...path, next]),
          );
        };
        const isThere = (from === null ? allowed : [from]).some((start) => reaches([start]));
        const wanted = { length, from, to, allowed };
        const path = findPath(linked(7, links), wanted, createRandom(seed), "mended");
        expect(path !== null).toBe(isThere);
        if (path === null) return;
        expect(new Set(path).size).toBe(length);
        expect(path[0]).toBe(from ?? path[0]);
        expect(path.at(-1)).toBe(to ?? path.at(-1));
        expect(path.slice(1).every((next, at) => isLink(path[at] as number, next))).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});
