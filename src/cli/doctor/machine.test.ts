import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { healthyProbes } from "../../../test/fixtures/probes.ts";
import { checkMachine } from "./machine.ts";
import { type Probes, systemProbes } from "./probes.ts";

const folder = mkdtempSync(join(tmpdir(), "partita-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const folders = { cacheFolder: "/cache", stateFolder: "/state" };
const GiB = 2 ** 30;

test("a healthy machine has nothing to do", async () => {
  const checks = await checkMachine(healthyProbes, folders);
  expect(checks.filter(({ state }) => state !== "ok")).toEqual([]);
});

test.each<[string, string, string, Partial<Probes>, RegExp, RegExp]>([
  ["an old Node.js", "Node.js", "failed", { nodeVersion: "v18.1.0" }, /v18/, /install Node.js 20/],
  [
    "a runtime that does not load",
    "runtime",
    "failed",
    { benchmark: () => Promise.reject(new Error("cannot open shared object file")) },
    /cannot open shared object file/,
    /npm ci/,
  ],
  [
    "little memory",
    "memory",
    "warning",
    {
      limits: () => ({ cores: 1, coresFrom: "x", memoryBytes: 1e8, memoryFrom: "memory.max" }),
    },
    /100 MB \(by memory.max\)/,
    /container/,
  ],
  [
    "a folder of somebody else",
    "cache folder",
    "failed",
    { write: () => Promise.reject(Object.assign(new Error("denied"), { code: "EACCES" })) },
    /\/cache cannot be written to: no permission/,
    /XDG_CACHE_HOME/,
  ],
  [
    "a disk that is full",
    "state folder",
    "failed",
    { write: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })) },
    /cannot be written to: no space left on the disk/,
    /make room there/,
  ],
  [
    "a disk that is nearly full",
    "state folder",
    "warning",
    { write: async () => GiB / 2 },
    /537 MB free/,
    /XDG_STATE_HOME/,
  ],
  ["a coarse clock", "monotonic clock", "warning", { clockStep: () => 0.015 }, /15 ms/, /roughly/],
  ["a clock that nobody set", "calendar", "failed", { calendarSeconds: () => 60 }, /1970/, /NTP/],
])("finds %s and says what to do", async (_, name, state, broken, observed, fix) => {
  const checks = await checkMachine({ ...healthyProbes, ...broken }, folders);
  expect(checks.find((check) => check.name === name)).toEqual({
    name,
    state,
    observed: expect.stringMatching(observed),
    fix: expect.stringMatching(fix),
  });
});

test("this machine's folders are tried by a file that does not stay", async () => {
  const place = join(folder, "new", "place");
  expect(await systemProbes.write(place)).toBeGreaterThan(0);
  expect(readdirSync(place)).toEqual([]);
  writeFileSync(join(folder, "file"), "");
  await expect(systemProbes.write(join(folder, "file"))).rejects.toThrow();
});

test("this machine's monotonic clock moves", () => {
  expect(systemProbes.clockStep()).toBeGreaterThan(0);
});
