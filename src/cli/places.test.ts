import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defaultLimit, openBlobStore, readPlaces, stateFolderOf } from "./places.ts";

const folder = mkdtempSync(join(tmpdir(), "partita-places-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("files stand below the home folder unless the environment says where", () => {
  expect(readPlaces({}, "/home/ada")).toEqual({
    cacheFolder: "/home/ada/.cache/partita",
    stateFolder: "/home/ada/.local/state/partita",
  });
  const named = { XDG_CACHE_HOME: "/fast", XDG_STATE_HOME: "/safe" };
  expect(readPlaces(named, "/home/ada")).toEqual({
    cacheFolder: "/fast/partita",
    stateFolder: "/safe/partita",
  });
});

test("an empty or relative path in the environment counts for nothing", () => {
  const relative = { XDG_CACHE_HOME: "", XDG_STATE_HOME: "here" };
  expect(readPlaces(relative, "/home/ada")).toEqual(readPlaces({}, "/home/ada"));
});

test.each(["../../etc", "..", ".", "", "a/b", "desk 1", "käse"])(
  "the state of '%s' stands directly below the state folder",
  (name) => {
    const place = stateFolderOf({ stateFolder: "/state" }, name);
    expect(place).toMatch(/^\/state\/[\w.%-]+$/);
    expect(join(place, "..")).toBe("/state");
  },
);

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
