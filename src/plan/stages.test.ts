import fc from "fast-check";
import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { groupStages, isPipeline } from "./stages.ts";

/** Four nodes: a feeds b and c, both feed d. */
const { index } = smallProblem({
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["s"] },
    { name: "b", inputs: ["s"], outputs: ["t"] },
    { name: "c", inputs: ["s"], outputs: ["u"] },
    { name: "d", inputs: ["t", "u"], outputs: ["x"] },
  ],
  bytes: { in: 1, s: 1, t: 1, u: 1, x: 1 },
  outputs: ["x"],
  topology: "devices: [{ name: only }]\nsource: only",
});

test("makes one stage of each device of a pipeline, in the order of the flow", () => {
  expect(groupStages(index, [2, 0, 2, 0])).toEqual([
    { device: 2, nodes: [0, 2] },
    { device: 0, nodes: [1, 3] },
  ]);
  expect(isPipeline(index, [2, 0, 2, 0])).toBe(true);
});

test("cuts a device that is come back to into stages by changes of device on the way", () => {
  expect(isPipeline(index, [0, 1, 0, 0])).toBe(false);
  expect(groupStages(index, [0, 1, 0, 0])).toEqual([
    { device: 0, nodes: [0, 2] },
    { device: 1, nodes: [1] },
    { device: 0, nodes: [3] },
  ]);
});

test("puts branches of one depth in graph order", () => {
  expect(groupStages(index, [0, 2, 1, 2]).map(({ device }) => device)).toEqual([0, 1, 2]);
  expect(groupStages(index, [0, 2, 1, 3]).map(({ device }) => device)).toEqual([0, 2, 1, 3]);
});

test("holds every node once, and no stage before one that feeds it", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), (placement) => {
      const stages = groupStages(index, placement);
      expect(stages.flatMap(({ nodes }) => nodes).sort()).toEqual([0, 1, 2, 3]);
      const stageOf = placement.map((_, node) =>
        stages.findIndex(({ nodes }) => nodes.includes(node)),
      );
      for (const [node, before] of index.predecessors.entries()) {
        for (const other of before)
          expect(stageOf[other]).toBeLessThanOrEqual(stageOf[node] as number);
      }
    }),
  );
});
