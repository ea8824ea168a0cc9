import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { plainTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { CodedError } from "../base/errors.ts";
import { openLog } from "./log.ts";

const errors = new PassThrough();
const terminal = plainTerminal({ errors });

test("appends a JSON object a line, with errors by code and message", async () => {
  const path = join(temporaryFolder(), "a.log");
  const error = new CodedError("DEVICE_LOST", "device 'cloud' is lost");
  for (const entry of [
    { type: "joined", device: "cloud" },
    { type: "failed", error },
  ]) {
    const log = await openLog(path, "agent camera", terminal);
    log?.write("info", entry);
    await log?.[Symbol.asyncDispose]();
  }
  const lines = readFileSync(path, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      process: "agent camera",
      level: "info",
      event: "joined",
      device: "cloud",
    },
    expect.objectContaining({
      event: "failed",
      error: { code: "DEVICE_LOST", message: "device 'cloud' is lost", details: {} },
    }),
  ]);
});

test("writes to standard error for -, and nowhere if none is asked for", async () => {
  expect(await openLog(undefined, "coordinator", terminal)).toBeNull();
  await using log = await openLog("-", "coordinator", terminal);
  log?.write("warning", { type: "left" });
  expect(JSON.parse(String(errors.read()))).toMatchObject({ level: "warning", event: "left" });
});

test("a log that cannot be opened is refused", async () => {
  const path = join(temporaryFolder(), "missing", "a.log");
  await expect(openLog(path, "coordinator", terminal)).rejects.toMatchObject({
    code: "FILE_WRITE_FAILED",
  });
});
