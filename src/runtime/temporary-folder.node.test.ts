import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
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

test("a folder of another machine on this disk, whose name goes on with a number, is left alone", async () => {
  const parent = mkdtempSync(join(tmpdir(), "partita-shared-"));
  const { pid: gone } = spawnSync(process.execPath, ["--version"]);
  const made = (host: string) => mkdtempSync(join(parent, `partita-load-${host}-${process.pid}-`));
  const [ours, theirs] = [made(hostname()), made(`${hostname()}-${gone}`)];
  const orphan = mkdtempSync(join(parent, `partita-load-${hostname()}-${gone}-`));
  await makeTemporaryFolder("load", parent);
  const exist = [ours, theirs, orphan].map((folder) => existsSync(folder));
  rmSync(parent, { recursive: true });
  expect(exist).toEqual([true, true, false]);
});
