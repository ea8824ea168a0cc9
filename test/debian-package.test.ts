import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { debianPackage } from "./debian-package.ts";
import { temporaryFolder } from "./fixtures/authority.ts";

/** Has apt know one archive, which is a folder with one package, `greeting`, until the test is over. */
function onlyGreeting(): string {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  mkdirSync(path("greeting/DEBIAN"), { recursive: true });
  mkdirSync(path("greeting/usr/bin"), { recursive: true });
  writeFileSync(path("greeting/usr/bin/greet"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  const control =
    "Package: greeting\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDescription: says hello\n";
  writeFileSync(path("greeting/DEBIAN/control"), control);
  execFileSync("dpkg-deb", ["-b", path("greeting"), path("greeting.deb")]);
  const sha256 = createHash("sha256")
    .update(readFileSync(path("greeting.deb")))
    .digest("hex");
  const { size } = statSync(path("greeting.deb"));
  const entry = `${control}Filename: ./greeting.deb\nSize: ${size}\nSHA256: ${sha256}\n`;
  writeFileSync(path("Packages"), entry);
  writeFileSync(path("sources.list"), `deb [trusted=yes] file:${folder} ./\n`);
  mkdirSync(path("lists/partial"), { recursive: true });
  const settings = [
    `Dir::Etc::SourceList "${path("sources.list")}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    // As on a machine that has never asked what there is.
    `Dir::State::Lists "${path("lists")}";`,
    `Dir::Cache "${folder}";`,
  ];
  writeFileSync(path("apt.conf"), settings.join("\n"));
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  vi.stubEnv("APT_CONFIG", path("apt.conf"));
  return join(folder, "unpacked");
}

test("several that ask for a package at once get it unpacked once, and nothing else is left", async () => {
  const folder = onlyGreeting();
  const all = await Promise.all([1, 2, 3].map(() => debianPackage("greeting", folder)));
  expect(new Set(all)).toEqual(new Set([join(folder, "greeting")]));
  const greet = join(folder, "greeting/usr/bin/greet");
  expect(execFileSync(greet, { encoding: "utf8" })).toBe("hello\n");
  expect(readdirSync(folder).sort()).toEqual(["apt", "greeting", "lock"]);
});

test("a package that is there is not asked for again", async () => {
  const folder = onlyGreeting();
  const first = await debianPackage("greeting", folder);
  const { ino } = statSync(first);
  vi.stubEnv("APT_CONFIG", "/dev/null/nothing");
  expect(statSync(await debianPackage("greeting", folder)).ino).toBe(ino);
});

test("a package that cannot be had is named, with the reason, and nothing of it is left", async () => {
  const folder = onlyGreeting();
  await expect(debianPackage("farewell", folder)).rejects.toThrow(
    /left out: .*'farewell', which cannot be had here: E: Unable to locate package farewell/,
  );
  expect(readdirSync(folder).sort()).toEqual(["apt", "lock"]);
});

test("where there is no apt-get, that is the reason", async () => {
  const folder = onlyGreeting();
  const programs = temporaryFolder();
  for (const program of ["bash", "flock", "timeout", "mktemp", "mkdir", "rm"]) {
    const from = execFileSync("which", [program], { encoding: "utf8" }).trim();
    execFileSync("ln", ["-s", from, join(programs, program)]);
  }
  vi.stubEnv("PATH", programs);
  await expect(debianPackage("greeting", folder)).rejects.toThrow(/apt-get: command not found/);
});
