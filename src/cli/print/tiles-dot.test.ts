import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../../test/fixtures/picture-problem.ts";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import type { Plan } from "../../plan/plan.ts";
import { createProblem } from "../../plan/problem.ts";
import type { TileStage } from "../../plan/tiles.ts";
import { dotToSvg, planToDot } from "./dot.ts";

function draw(tiles: readonly TileStage[], placement = ["left", "left", "camera"]): string {
  const problem = pictureProblem({});
  return planToDot(planOf(problem, placement, tiles) as Plan, problem);
}

test("every member has a box that says what it reads and makes, and rows that travel have arrows", () => {
  const dot = draw([stage([0, 1], [1, 2], [4, 8])]);
  expect(dot.match(/label=<<TABLE/g)).toHaveLength(3);
  for (const text of ["rows 0–5 of 8 × 1", "rows 0–3 of 8 × 1", "rows 2–7 of 8 × 1"]) {
    expect(dot).toContain(text);
  }
  // Of 16 rows of two nodes the two make 18.
  expect(dot).toContain("13 % computed again: 2 rows of a, …");
  const sent = dot.split("\n").filter((line) => line.includes("penwidth=2"));
  expect(sent.map((line) => line.split(",")[0]?.trim())).toEqual([
    '"input in" -> "s0 left" [label="rows 0–5 of in\\n6 B"',
    '"input in" -> "s0 right" [label="rows 2–7 of in\\n6 B"',
    '"s0 left" -> "s1" [label="rows 0–3 of b\\n4 B"',
    '"s0 right" -> "s1" [label="rows 4–7 of b\\n4 B"',
  ]);
});

test("halos that members exchange go between their boxes, beside what each of them has", () => {
  const dot = draw([stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])]);
  expect(dot).toContain('"s0 left" -> "s1 right" [label="row 3 of a\\n1 B"');
  expect(dot).toContain('"s0 right" -> "s1 left" [label="row 4 of a\\n1 B"');
  expect(dot).toContain('"s0 left" -> "s1 left" [tooltip="a"]');
  expect(dot).not.toContain("computed again");
});

test("a device with many tiles shows the first, and how many there are", () => {
  const dot = draw([stage([0, 1], [1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 8])]);
  expect(dot.match(/rows? \d(–\d)? of 8 × 1<\/FONT>/g)).toHaveLength(8);
  expect(dot).toContain("left, 26 s, 6 tiles one after the other");
});

test("a device that passes on what it does not make stands between", () => {
  const problem = pictureProblem({});
  const { links } = problem.topology;
  const without = links.filter(({ from, to }) => `${from} ${to}` !== "camera right");
  const around = createProblem(
    problem.profile,
    { ...problem.topology, links: without },
    problem.objective,
    problem.limits,
  );
  const tiles = [stage([0, 1], [1, 2], [4, 8])];
  const dot = planToDot(planOf(around, ["left", "left", "camera"], tiles) as Plan, around);
  expect(dot).toContain('"input in" -> "relay left in" [label="in\\n8 B"');
  expect(dot).toContain('"relay left in" -> "s0 right" [label="rows 2–7 of in\\n6 B"');
  expect(dot).toContain('"relay left in" -> "s0 left" [tooltip="in"]');
});

test("a picture with tiles is one that can be drawn", async () => {
  const svg = await dotToSvg(draw([stage([0, 1], [1, 2, 0], [3, 5, 8])]));
  expect(svg).toContain("several tiles read it");
});
