import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { smallNetwork } from "../../test/fixtures/small-network.ts";
import { createBuilder } from "../onnx/build.ts";
import { prepareGraph } from "./prepare.node.ts";
import { profileGraph } from "./profile-graph.node.ts";

function temporaryFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`partita-profile-${process.pid}-`));
}

test("every node has a time, no cost is negative, and progress only grows", async () => {
  const prepared = await prepareGraph(smallNetwork(), { level: "extended" });
  const fractions: number[] = [];
  const profile = await profileGraph(prepared, {
    threads: 1,
    onProgress: (fraction, { message, remainingSeconds }) => {
      fractions.push(fraction);
      expect(message).not.toBe("");
      expect(remainingSeconds).toBeGreaterThanOrEqual(0);
    },
  });
  expect(profile.nodeSeconds).toHaveLength(prepared.graph.nodes.length);
  expect(Math.min(...profile.nodeSeconds.map((value) => value ?? -1))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...profile.nodeSeconds.map((value) => value ?? -1))).toBeGreaterThan(0);
  expect(profile.overheadSeconds).toBeGreaterThanOrEqual(0);
  expect(profile.boundarySecondsPerByte).toBeGreaterThanOrEqual(0);
  expect(profile.overheadBytes).toBeGreaterThan(0);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(temporaryFolders()).toEqual([]);
});

test("a shape that is computed in one part and used in another is the right one", async () => {
  const b = createBuilder({ name: "shapes" });
  const x = b.input("x", "float32", ["N", 4]);
  const shape = b.node("Shape", [x]);
  const rows = b.node("ReduceMax", [x], { attributes: { axes: [1], keepdims: 1 } });
  const sums = [1, 2, 3, 4].reduce((value) => b.node("Add", [value, rows]), x);
  b.output(b.node("Reshape", [sums, shape], { output: "y" }));
  const shapes = { x: [3, 4] };
  const prepared = await prepareGraph(b.build(), { level: "basic", shapes });
  expect(prepared.graph.nodes.map(({ operator }) => operator)).toContain("Shape");
  const { nodeSeconds } = await profileGraph(prepared, { threads: 1 });
  expect(nodeSeconds).toHaveLength(prepared.graph.nodes.length);
});

test("an abort ends with its reason and leaves nothing behind", async () => {
  const prepared = await prepareGraph(smallNetwork(), { level: "extended" });
  const controller = new AbortController();
  const reason = new Error("the user pressed Ctrl-C");
  const profiling = profileGraph(prepared, {
    threads: 1,
    signal: controller.signal,
    onProgress: (fraction) => {
      if (fraction > 0) controller.abort(reason);
    },
  });
  await expect(profiling).rejects.toBe(reason);
  expect(temporaryFolders()).toEqual([]);
});
