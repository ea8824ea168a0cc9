import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { atLowPriority } from "./low-priority.node.ts";

test("a task runs with a priority that is not higher, and the thread has its own again behind it", async () => {
  const own = getPriority(0);
  const inside = await atLowPriority(() => Promise.resolve(getPriority(0)));
  expect(inside).toBeGreaterThanOrEqual(own);
  expect(getPriority(0)).toBe(own);
});

test("a task that fails leaves the thread as it was", async () => {
  const own = getPriority(0);
  const failing = atLowPriority(() => Promise.reject(new Error("no such model")));
  await expect(failing).rejects.toThrow("no such model");
  expect(getPriority(0)).toBe(own);
});
