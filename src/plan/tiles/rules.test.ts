import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../../test/fixtures/picture-problem.ts";
import { type Evaluation, evaluate } from "../evaluate.ts";
import type { Problem } from "../problem.ts";
import type { TileStage } from "../tiles.ts";

function allowed(problem: Problem, placement: readonly number[], tiles: readonly TileStage[]) {
  const found = evaluate(problem, placement, tiles);
  if (found.type === "infeasible") throw new Error(found.reason);
  return found satisfies Evaluation;
}

/** Camera holds the picture of 8 rows; `a`, `b` and `c` are chained, `a` and `b` have windows of 3 rows. */
const problem = pictureProblem({});
const halves = stage([0, 1], [1, 2], [4, 8]);

test("members compute their rows and halo, and receive only what these are made from", () => {
  const found = allowed(problem, [1, 1, 0], [halves]);
  // Rows 0 to 4 of b are made from rows 0 to 5 of a, and these from rows 0 to 6 of the picture.
  expect(found.computeSeconds).toEqual([8, 8 * (5 / 8) + 8 * (4 / 8), 8 * (5 / 8) + 8 * (4 / 8)]);
  const spans = found.hops.map(({ tensor, link, region }) => [
    tensor,
    link,
    region?.[0]?.from,
    region?.[0]?.to,
  ]);
  expect(spans).toEqual([
    [0, 0, 0, 6],
    [0, 2, 2, 8],
    [2, 1, 0, 4],
    [2, 3, 4, 8],
  ]);
});

test("the latency takes the slowest member of a stage, and all else one after the other", () => {
  const found = allowed(problem, [1, 1, 0], [halves]);
  // A row takes a second on a link: 6 rows in, 9 of compute; then 4 rows from each, and 8 of c.
  expect(found.latencySeconds).toBe(6 + 9 + 4 + 4 + 8);
  // The camera's links each carry 6 and 4 rows; the members compute 9 seconds.
  expect(found.periodSeconds).toBe(9);
  expect(found.bottleneck).toEqual({ device: "left" });
});

test("members hold all parameters and their rows only", () => {
  const found = allowed(problem, [1, 1, 0], [halves]);
  // Both nodes' parameters of 100 bytes, and at a 6 rows of the picture and 5 of its own.
  expect(found.memoryBytes).toEqual([100 + 8 + 8, 200 + 6 + 5, 200 + 6 + 5]);
});

test("members of two stages in a row send each other the rows that each needs", () => {
  const two = [stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])];
  const found = allowed(problem, [1, 1, 0], two);
  const between = found.hops.filter(({ tensor }) => tensor === 1);
  expect(between.map(({ link, region }) => [link, region?.[0]?.from, region?.[0]?.to])).toEqual([
    [4, 3, 4],
    [5, 4, 5],
  ]);
});

test.each<[string, Problem, readonly number[], readonly TileStage[], string]>([
  [
    "no leave to share",
    pictureProblem({ limits: {} }),
    [1, 1, 0],
    [halves],
    "which is not allowed",
  ],
  [
    "a node without window",
    problem,
    [0, 1, 1],
    [stage([1, 2], [1, 2], [4, 8])],
    "'c' (Gemm) needs all rows",
  ],
  [
    "a node that feeds something outside",
    pictureProblem({ alsoReads: "a" }),
    [1, 1, 0],
    [halves],
    "'a' of a tile-parallel stage feeds 'c' outside of it",
  ],
  [
    "an answer from the middle",
    pictureProblem({ outputs: ["a", "c"] }),
    [1, 1, 0],
    [halves],
    "'a' of a tile-parallel stage makes an answer",
  ],
  [
    "rows that overlap",
    problem,
    [1, 1, 0],
    [
      {
        ...halves,
        rows: [
          { from: 0, to: 5 },
          { from: 4, to: 8 },
        ],
      },
    ],
    "rows 4 to 8 of 'b', which has 8",
  ],
  ["rows left over", problem, [1, 1, 0], [stage([0, 1], [1, 2], [4, 7])], "rows 4 to 7"],
  ["no rows", problem, [1, 1, 0], [stage([0, 1], [1, 2], [8, 8])], "rows 8 to 8"],
  ["half a row", problem, [1, 1, 0], [stage([0, 1], [1, 2], [4.5, 8])], "rows 0 to 4.5"],
  ["rows for fewer", problem, [1, 1, 0], [stage([0, 1], [1, 2], [8])], "2 devices and rows for 1"],
  ["nobody", problem, [1, 1, 0], [stage([0, 1], [], [])], "no nodes or no devices"],
  [
    "columns for fewer",
    problem,
    [1, 1, 0],
    [{ ...stage([0, 1], [1, 2], [4, 8]), columns: [{ from: 0, to: 1 }] }],
    "2 devices and columns for 1",
  ],
  [
    "a node in two stages",
    problem,
    [1, 1, 0],
    [halves, stage([1], [1, 2], [4, 8])],
    "'b' is in two",
  ],
  [
    "a placement elsewhere",
    problem,
    [2, 1, 0],
    [halves],
    "placed elsewhere than on its first device",
  ],
  [
    "a member that cannot run a node",
    pictureProblem({ rightCannotRun: "b" }),
    [1, 1, 0],
    [halves],
    "'right' cannot run node 'b'",
  ],
  [
    "a member with too little memory",
    pictureProblem({ rightMemoryBytes: 210 }),
    [1, 1, 0],
    [halves],
    "'right' would need 211 B",
  ],
  [
    "a private node on another member",
    pictureProblem({ limits: { tiles: true, keepLocal: 1 } }),
    [0, 0, 0],
    [stage([0, 1], [0, 1], [4, 8])],
    "'a' must stay on 'camera'",
  ],
  [
    "a node apart from its like",
    pictureProblem({ together: ["b", "c"] }),
    [1, 1, 1],
    [halves],
    "has only one of them",
  ],
  [
    "members that exchange rows in a pipeline",
    pictureProblem({ objective: { type: "throughput" } }),
    [1, 1, 0],
    [stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])],
    "do not form a pipeline",
  ],
])("refuses %s", (_, asked, placement, tiles, reason) => {
  const found = evaluate(asked, placement, tiles);
  expect(found.type === "infeasible" ? found.reason : "allowed").toContain(reason);
});

test("a device that stands twice in a stage runs one tile after the other", () => {
  const twice = evaluate(problem, [1, 1, 0], [stage([0, 1], [1, 1], [4, 8])]);
  // 8 s on the way there, of a 5 rows twice and of b 4 rows twice, 8 s back, and c.
  expect(twice).toMatchObject({ latencySeconds: 8 + 10 + 8 + 8 + 8 });
  const shared = evaluate(problem, [1, 1, 0], [stage([0, 1], [1, 1, 2], [2, 4, 8])]);
  // On the left a 3 and 4 rows, b 2 and 2; on the right 5 and 4, and 6 rows on the way there.
  expect(shared).toMatchObject({ latencySeconds: Math.max(6 + 11, 6 + 9) + 8 + 8 });
});

test("tiles in turn hold what is read and made in all, besides what one of them holds, and all parameters", () => {
  const twice = evaluate(problem, [1, 1, 0], [stage([0, 1], [1, 1], [4, 8])]);
  // Tiles hold 6 rows of the input and 5 of a, or 5 of a and 4 of b.
  expect(twice.type === "feasible" && twice.memoryBytes[1]).toBe(2 * 200 + 8 + 8 + 11);
});
