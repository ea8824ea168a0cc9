import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defaultLimit, openBlobStore } from "./kept-blobs.ts";

const folder = mkdtempSync(join(tmpdir(), "partita-blobs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("blobs are kept where only their user may read them", async () => {
  await openBlobStore({ cacheFolder: join(folder, "cache") });
  expect(statSync(join(folder, "cache", "blobs")).mode & 0o077).toBe(0);
});

test("a cache folder that cannot be made is refused by its name", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(openBlobStore({ cacheFolder: join(folder, "file") })).rejects.toMatchObject({
    code: "FILE_WRITE_FAILED",
    message: expect.stringContaining(join(folder, "file")),
  });
});

test("the cache takes 10 GiB at most, and not all of a small disk", async () => {
  const limit = await defaultLimit(folder);
  expect(limit).toBeGreaterThan(0);
  expect(limit).toBeLessThanOrEqual(10 * 2 ** 30);
});
