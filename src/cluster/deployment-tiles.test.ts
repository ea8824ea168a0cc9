import { expect, test } from "vitest";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import type { TileStage } from "../plan/tiles.ts";
import { createDeployment } from "./deployment.ts";
import { resumePlan } from "./resume.ts";

function deploy(problem: Problem, tiles: readonly TileStage[], sink = problem.topology.sink) {
  const plan = planOf(problem, ["left", "left", "camera"], tiles) as Plan;
  return createDeployment(plan, problem.index.graph, { ...problem.topology, sink }, 1);
}

const exchanging = [stage([0], [1, 2], [4, 8]), stage([1], [1, 2], [4, 8])];

test("a member gets its rows and halo, keeps what it makes, and gives others only what they lack", () => {
  const { devices } = deploy(pictureProblem({}), exchanging);
  const left = devices.find(({ device }) => device === "left");
  expect(left).toEqual({
    device: "left",
    generation: 1,
    stages: [
      { id: "s0", inputs: ["in[0:5,0:1]"], outputs: ["a[0:4,0:1]"] },
      { id: "s1", inputs: ["a[0:5,0:1]"], outputs: ["b[0:4,0:1]"] },
    ],
    receives: [
      { tensor: "in[0:5,0:1]", from: "camera" },
      { tensor: "a[4:5,0:1]", from: "right" },
    ],
    forwards: [
      { tensor: "a[3:4,0:1]", to: "right", bytes: 1 },
      { tensor: "b[0:4,0:1]", to: "camera", bytes: 4 },
    ],
    answers: [],
    tiling: {
      extents: { in: [8, 1], a: [8, 1], b: [8, 1] },
      compositions: [
        { name: "a[0:5,0:1]", from: ["a[0:4,0:1]", "a[4:5,0:1]"] },
        { name: "a[3:4,0:1]", from: ["a[0:4,0:1]"] },
      ],
    },
  });
  const camera = devices.find(({ device }) => device === "camera");
  expect(camera?.receives).toEqual([
    { tensor: "in", from: null },
    { tensor: "b[0:4,0:1]", from: "left" },
    { tensor: "b[4:8,0:1]", from: "right" },
  ]);
  expect(camera?.tiling?.compositions).toEqual([
    { name: "b", from: ["b[0:4,0:1]", "b[4:8,0:1]"] },
    { name: "in[0:5,0:1]", from: ["in"] },
    { name: "in[3:8,0:1]", from: ["in"] },
  ]);
});

test("a device with several tiles of a stage runs each under an id of its own", () => {
  const { devices } = deploy(pictureProblem({}), [stage([0, 1], [1, 1, 2], [2, 5, 8])]);
  expect(devices.map(({ stages }) => stages.map(({ id }) => id))).toEqual([
    ["s1"],
    ["s0.0", "s0.1"],
    ["s0"],
  ]);
});

test("what may stay where it is made is answered with in regions", () => {
  const problem = pictureProblem({ outputs: ["b", "c"] });
  const { outputs, devices } = deploy(problem, [stage([0, 1], [1, 2], [4, 8])], "anywhere");
  expect(outputs).toEqual(["b[0:4,0:1]", "b[4:8,0:1]", "c"]);
  expect(devices.map(({ answers }) => answers)).toEqual([["c"], ["b[0:4,0:1]"], ["b[4:8,0:1]"]]);
});

test("what is kept of a tensor in other regions than are wanted now need not be made again", () => {
  const deployment = deploy(pictureProblem({}), [stage([0, 1], [1, 2], [3, 8])]);
  const kept = new Map([["camera", new Set(["in[0:6,0:1]", "in[4:8,0:1]"])]]);
  const { entering, devices } = resumePlan(deployment, kept);
  expect(entering).toEqual([]);
  expect(devices.get("camera")?.forwards).toHaveLength(2);
  const less = new Map([["camera", new Set(["in[0:6,0:1]"])]]);
  expect(resumePlan(deployment, less).entering).toEqual(["in"]);
  const made = new Map([["camera", new Set(["b[0:6,0:1]", "b[6:8,0:1]"])]]);
  expect([...resumePlan(deployment, made).devices]).toEqual([
    ["camera", { stages: ["s1"], forwards: [], answers: ["c"] }],
  ]);
});

test("a device that says it keeps thousands of regions, or some that cannot be, has nothing to go on from", () => {
  const deployment = deploy(pictureProblem({}), exchanging);
  const rows = Array.from(
    { length: 20_000 },
    (_, row) => `b[${row % 7}:${(row % 7) + 1},0:${row}]`,
  );
  const kept = new Map([["camera", new Set([...rows, "b[0:8]", "b[0:8,0:1,0:1]", "in[5:2,0:1]"])]]);
  expect(resumePlan(deployment, kept)).toEqual(resumePlan(deployment, new Map()));
});
