import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { natsConfiguration } from "../../src/deploy/nats.ts";
import { debianPackage } from "../debian-package.ts";

/** What a real server says of a configuration that it only reads. */
async function read(configuration: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "partita-nats-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "nats.conf");
  writeFileSync(file, configuration);
  const server = join(await debianPackage("nats-server"), "usr/sbin/nats-server");
  const ended = promisify(execFile)(server, ["--config", file, "-t"]);
  return await ended.then(
    ({ stderr }) => stderr,
    ({ stderr }) => stderr,
  );
}

test("the configuration that is written for a NATS server is one, whatever the password", async () => {
  for (const password of ["12ab", "1e5", "-_-", "true"]) {
    expect(await read(natsConfiguration(password))).toContain("is valid");
  }
  expect(await read(natsConfiguration('"'))).not.toContain("is valid");
});
