import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "./temporary-folder.node.ts";

test("removes what a process that is gone left behind, and nobody else's", async () => {
  const { pid: gone } = spawnSync(process.execPath, ["--version"]);
  const orphan = mkdtempSync(join(tmpdir(), `partita-optimise-${gone}-`));
  const ours = mkdtempSync(join(tmpdir(), `partita-optimise-${process.pid}-`));
  const made = await makeTemporaryFolder("optimise");
  expect([orphan, ours, made].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  for (const folder of [ours, made]) rmSync(folder, { recursive: true });
});
