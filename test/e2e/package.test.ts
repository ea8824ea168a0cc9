import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** The package as a user gets it: packed, installed into an empty folder. */
const folder = mkdtempSync(join(tmpdir(), "partita-package-"));
const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", NO_COLOR: "1" };
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, env: environment, encoding: "utf8", stdio: "pipe" });

beforeAll(() => {
  run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], process.cwd());
  const [archive = ""] = readdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true }));
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${archive}`], folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the library example plans from a profile", () => {
  cpSync("examples/library", join(folder, "example"), { recursive: true });
  const printed = run(process.execPath, ["example/plan.mjs"], folder);
  expect(printed).toMatch(/camera runs .* in .* ms/);
  expect(printed).toMatch(/answers a second, gap 0\n$/);
});

test("the command line inspects a model", () => {
  run("npx", ["--no-install", "partita", "zoo", "squeezenet", "-o", "model.onnx"], folder);
  const printed = run("npx", ["--no-install", "partita", "inspect", "model.onnx"], folder);
  expect(printed).toContain("Conv");
});
