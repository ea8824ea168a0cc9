import { once } from "node:events";
import { expect, test } from "vitest";
import { enterWorker, leaveWorker } from "./session-worker.node.ts";

test("a thread that fails ends for all, and nobody enters it after that", async () => {
  const failing = enterWorker(true);
  expect(enterWorker(true)).toBe(failing);
  const failed = once(failing.worker, "error");
  failing.worker.postMessage("no port");
  await failed;
  const next = enterWorker(true);
  expect(next).not.toBe(failing);
  for (const left of [failing, failing, next]) await leaveWorker(left);
  await Promise.all([failing.ended, next.ended]);
});
