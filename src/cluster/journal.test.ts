import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import type { Plan } from "../plan/plan.ts";
import { fileJournal } from "./journal.node.ts";
import {
  concludeJournal,
  forgetDevice,
  formatJournal,
  type Journal,
  loadJournal,
  tokenMarkOf,
} from "./journal.ts";

const problem = problemOf({
  inputs: { x: 8 },
  nodes: [{ name: "a", reads: ["x"], bytes: 4, seconds: [1] }],
  outputs: ["a"],
  devices: [{ name: "camera" }],
  links: [],
});
const plan = planOf(problem, ["camera"]) as Plan;
const expected = {
  graphSha256: plan.graphSha256,
  tokenMark: tokenMarkOf({ token: "open sesame" }),
};
const journal: Journal = {
  format: "partita.journal/2",
  ...expected,
  lastGeneration: 3,
  started: true,
  generations: [{ generation: 3, standby: false, cause: "lost shed", plan }],
  devices: { camera: { keyFingerprint: "f", address: "10.0.0.2:7001" } },
};

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "partita-journal-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("finds again what was written last, and nothing beside it", async () => {
  const folder = join(temporaryFolder(), "state");
  const store = fileJournal(join(folder, "journal.json"));
  expect(await loadJournal(store, expected)).toBeNull();
  await store.save(formatJournal({ ...journal, lastGeneration: 2 }));
  await store.save(formatJournal(journal));
  expect(await loadJournal(store, expected)).toEqual(journal);
  expect(readdirSync(folder)).toEqual(["journal.json"]);
});

test("refuses a journal of another model, of another token, and one that is damaged, and says which", async () => {
  const text = formatJournal(journal);
  const cases = [
    { text, expected: { ...expected, graphSha256: "0" }, says: "another model" },
    { text, expected: { ...expected, tokenMark: "0" }, says: "another token" },
    { text: text.slice(0, -9), expected, says: "cannot be read" },
    { text: text.slice(0, text.length / 2), expected, says: "cannot be read" },
    { text: "", expected, says: "cannot be read" },
    { text: "\0".repeat(text.length), expected, says: "cannot be read" },
    { text: text.replace("journal/2", "journal/1"), expected, says: "another version" },
    { text: text.replace('"started":true', '"started":1'), expected, says: "cannot be read" },
  ];
  for (const { text: kept, expected: wanted, says } of cases) {
    const store = { place: "/state/j.json", load: async () => kept, save: async () => undefined };
    await expect(loadJournal(store, wanted)).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: expect.stringMatching(
        new RegExp(`^the coordinator's journal /state/j\\.json .*${says}.*--state`, "s"),
      ),
    });
  }
});

test("keeps the journal that there is when another one cannot be written, and says why", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "journal.json");
  const store = fileJournal(path);
  await store.save(formatJournal(journal));
  // What it is written to first.
  mkdirSync(`${path}.new`);
  await expect(store.save("")).rejects.toMatchObject({
    code: "FILE_WRITE_FAILED",
    message: expect.stringContaining(path),
  });
  expect(await loadJournal(store, expected)).toEqual(journal);
  await expect(fileJournal(folder).load()).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});

test("after an orderly end another model may come, and numbers and keys are kept", async () => {
  const store = fileJournal(join(temporaryFolder(), "journal.json"));
  await concludeJournal(store);
  expect(await store.load()).toBeNull();
  await store.save(formatJournal(journal));
  await concludeJournal(store);
  const { lastGeneration, devices } = journal;
  expect(await loadJournal(store, { graphSha256: "0", tokenMark: "0" })).toMatchObject({
    lastGeneration,
    devices,
    started: false,
    generations: [],
  });
});

test("forgets the key of one device, and says which are known for another", async () => {
  const store = fileJournal(join(temporaryFolder(), "journal.json"));
  await store.save(formatJournal(journal));
  await expect(forgetDevice(store, "attic")).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringMatching(/'attic'.*camera/),
  });
  await forgetDevice(store, "camera");
  expect(await loadJournal(store, expected)).toEqual({ ...journal, devices: {} });
});
