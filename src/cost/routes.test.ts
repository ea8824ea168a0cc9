import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { createRoutes } from "./routes.ts";

const names = ["d", "b", "a", "c", "f", "e"];

test("among equal routes that with fewer hops, then that whose names come first", () => {
  const links = [
    [0, 1, 1],
    [1, 3, 1],
    [0, 2, 1],
    [2, 3, 1],
    [3, 4, 0],
    [4, 5, 0],
    [3, 5, 0],
  ] as const;
  const route = createRoutes(
    names,
    links.map(([from, to]) => ({ from, to })),
    (link) => links[link]?.[2] ?? 0,
  );
  expect(route(0, 3, 0)).toEqual([2, 3]);
  expect(route(0, 5, 0)).toEqual([2, 3, 6]);
  expect(route(5, 0, 0)).toBeNull();
  expect(route(4, 4, 0)).toEqual([]);
});

test("every route is the best of all simple paths, ties included", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = createRandom(seed);
    const links = names.flatMap((_, from) =>
      names.flatMap((_, to) => (from !== to && random.next() < 0.5 ? [{ from, to }] : [])),
    );
    const weights = links.map(() => random.integer(4));
    const route = createRoutes(names, links, (link) => weights[link] as number);
    const tried = pathsFrom(0, links).map((path) => ({
      path,
      to: path.at(-1) === undefined ? 0 : (links[path.at(-1) as number]?.to as number),
      seconds: path.reduce((sum, link) => sum + (weights[link] as number), 0),
      names: path.map((link) => names[links[link]?.to as number] as string).join(),
    }));
    for (const to of names.keys()) {
      const [best] = tried
        .filter((path) => path.to === to)
        .sort(
          (a, b) =>
            a.seconds - b.seconds || a.path.length - b.path.length || (a.names < b.names ? -1 : 1),
        );
      expect(route(0, to, 0), `seed ${seed}, to ${to}`).toEqual(best?.path ?? null);
    }
  }
});

/** Every path without a device twice, as links. */
function pathsFrom(from: number, links: readonly { from: number; to: number }[]): number[][] {
  const paths: number[][] = [];
  const walk = (at: number, path: number[], seen: readonly number[]): void => {
    paths.push(path);
    links.forEach((link, position) => {
      if (link.from === at && !seen.includes(link.to)) {
        walk(link.to, [...path, position], [...seen, link.to]);
      }
    });
  };
  walk(from, [], [from]);
  return paths;
}
