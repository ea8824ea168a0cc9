import { once } from "node:events";
import { constants, getPriority, setPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { atLowPriority } from "./low-priority.node.ts";

test("a task runs at the lowest priority where the thread may go back to its own, which it does", async () => {
  const own = getPriority(0);
  const isDemoted = process.platform === "linux" && mayGoHigher();
  const inside = await atLowPriority(() => Promise.resolve(getPriority(0)));
  expect(inside).toBe(isDemoted ? constants.priority.PRIORITY_LOW : own);
  expect(getPriority(0)).toBe(own);
});

test("a task that fails leaves the thread as it was", async () => {
  const own = getPriority(0);
  const failing = atLowPriority(() => Promise.reject(new Error("no such model")));
  await expect(failing).rejects.toThrow("no such model");
  expect(getPriority(0)).toBe(own);
});

test("threads that the task has started do not stay behind at its priority", async () => {
  const says = `
    const { parentPort } = require("node:worker_threads");
    const { getPriority } = require("node:os");
    parentPort.on("message", () => parentPort.postMessage(getPriority(0)));
  `;
  const worker = await atLowPriority(async () => {
    const started = new Worker(says, { eval: true });
    await once(started, "online");
    return started;
  });
  worker.postMessage(null);
  expect(await once(worker, "message")).toEqual([getPriority(0)]);
  await worker.terminate();
});

function mayGoHigher(): boolean {
  const own = getPriority(0);
  try {
    setPriority(0, own - 1);
  } catch {
    return false;
  }
  setPriority(0, own);
  return true;
}
