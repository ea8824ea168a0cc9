import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { zoo } from "../zoo/zoo.ts";
import { prepareGraph } from "./prepare.node.ts";
import { profileGraph } from "./profile-graph.node.ts";

const tiny = { width: 0.125, resolution: 32, classes: 10 };

function temporaryFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`partita-profile-${process.pid}-`));
}

test("every node has a time, no cost is negative, and progress only grows", async () => {
  const prepared = await prepareGraph(zoo.squeezenet.build(tiny), { level: "extended" });
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

test("an abort ends with its reason and leaves nothing behind", async () => {
  const prepared = await prepareGraph(zoo.squeezenet.build(tiny), { level: "extended" });
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
