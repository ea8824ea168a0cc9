import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
afterAll(() => bench.remove());

test("lists the weights that are kept, and clears those that were not used for long", async () => {
  const { folder } = JSON.parse((await bench.run("cache", "--json")).output);
  expect(folder).toContain(bench.folder);
  mkdirSync(folder, { recursive: true });
  for (const name of ["a", "b"]) writeFileSync(`${folder}/${name.repeat(64)}`, "12345");
  utimesSync(`${folder}/${"a".repeat(64)}`, 1000, 1000);
  const listed = await bench.call("cache");
  expect(listed.output).toContain("2 blobs, 10 B");
  expect(listed.output).toMatch(/bbbbbbbbbbbbbbbb +5 B +\d+ (s|min) ago/);
  const cleared = await bench.call("cache", "clear", "--older-than", "30 d", "--json");
  expect(JSON.parse(cleared.output).removed).toMatchObject([{ sha256: "a".repeat(64), bytes: 5 }]);
  expect((await bench.call("cache", "clear")).output).toContain("removed 1 blob, 5 B");
});

test("refuses another action", async () => {
  const { code, errors } = await bench.call("cache", "fill");
  expect(code).toBe(64);
  expect(errors).toContain("knows the action clear");
});
