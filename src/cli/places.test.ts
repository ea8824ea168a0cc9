import { join } from "node:path";
import { expect, test } from "vitest";
import { readPlaces, stateFolderOf } from "./places.ts";

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
