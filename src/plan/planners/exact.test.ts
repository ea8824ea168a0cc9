import { expect, test } from "vitest";
import { between, problemOf } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { exact } from "./exact.ts";
import { findSingle } from "./single.ts";

test("whoever stops the search at once has at least the best single device", () => {
  const names = Array.from({ length: 40 }, (_, device) => `d${device}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: ["a", "b", "c"].map((name, node) => ({
      name,
      reads: [node === 0 ? "in" : (["a", "b", "c"][node - 1] as string)],
      bytes: 3,
      seconds: names.map((_, device) => 50 - device + 10 * ((device + node) % 3)),
    })),
    outputs: ["c"],
    devices: names.map((name) => ({ name })),
    links: names.flatMap((name, from) =>
      names.slice(from + 1).flatMap((other, more) => between(name, other, 1 + (more % 5))),
    ),
    sink: "d0",
  });
  const single = findSingle(problem);
  const [first, ...later] = exact.plan(problem, { random: createRandom(1) });
  expect(first).toMatchObject({ ...single, bound: 0 });
  const values = later.flatMap((step) => step?.value ?? []);
  expect(values.at(-1)).toBeLessThan(first?.value ?? 0);
  expect(values).toEqual([...values].sort((a, b) => b - a));
});
