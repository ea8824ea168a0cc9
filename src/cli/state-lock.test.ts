import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { lockState } from "./state-lock.ts";

const fileIn = (folder: string): string => join(folder, "coordinator.pid");

test("a folder is free again when its lock is given back", async () => {
  const folder = join(temporaryFolder(), "new");
  const lock = await lockState(folder);
  expect(JSON.parse(readFileSync(fileIn(folder), "utf8"))).toMatchObject({ pid: process.pid });
  await lock[Symbol.asyncDispose]();
  await using again = await lockState(folder);
  expect(again).toBeDefined();
});

test("a process that is alive keeps its folder, and is named", async () => {
  const folder = temporaryFolder();
  writeFileSync(fileIn(folder), JSON.stringify({ pid: process.ppid, startedAt: null }));
  await expect(lockState(folder)).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringMatching(new RegExp(`process id ${process.ppid} .*--state`)),
  });
});

test.each([
  ["that has ended", () => ({ pid: spawnSync(process.execPath, ["-e", ""]).pid, startedAt: null })],
  ["whose number another one has now", () => ({ pid: process.ppid, startedAt: "long ago" })],
  ["that was this one's number before", () => ({ pid: process.pid, startedAt: "long ago" })],
])("a process %s keeps nothing", async (_, holder) => {
  const folder = temporaryFolder();
  writeFileSync(fileIn(folder), JSON.stringify(holder()));
  await using lock = await lockState(folder);
  expect(lock).toBeDefined();
});

test("a lock file that says nothing is nobody's", async () => {
  const folder = temporaryFolder();
  writeFileSync(fileIn(folder), "{");
  await using lock = await lockState(folder);
  expect(lock).toBeDefined();
});

test("a lock that is being written is not taken away", async () => {
  const folder = temporaryFolder();
  const text = JSON.stringify({ pid: process.ppid, startedAt: null });
  writeFileSync(fileIn(folder), text.slice(0, 5));
  const pause = async () => writeFileSync(fileIn(folder), text);
  await expect(lockState(folder, pause)).rejects.toMatchObject({ code: "USAGE_INVALID" });
  expect(readFileSync(fileIn(folder), "utf8")).toBe(text);
});

test("a file where the folder should be is named", async () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  for (const folder of [file, join(file, "below")]) {
    await expect(lockState(folder)).rejects.toMatchObject({
      code: "FILE_WRITE_FAILED",
      message: expect.stringContaining(file),
    });
  }
});

test("of two that start together over what was left behind, one has the folder", async () => {
  const folder = temporaryFolder();
  for (let round = 0; round < 20; round++) {
    writeFileSync(fileIn(folder), JSON.stringify({ pid: process.ppid, startedAt: "long ago" }));
    const locks = await Promise.allSettled(Array.from({ length: 2 }, () => lockState(folder)));
    expect(locks.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["coordinator.pid"]);
    rmSync(fileIn(folder));
  }
});
