import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "partita-own-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const page = readFileSync("examples/own-planner/README.md", "utf8");

/** The blocks of one language on the page. */
function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(
    ([, block = ""]) => block.trimEnd(),
  );
}

const commands = blocks("sh").flatMap((block) => block.split("\n"));

/** Runs a line of the page in this repository. */
function run(line: string): { code: number | null; output: string; errors: string } {
  const words = line.replace("npx partita", `"${process.execPath}" dist/cli/main.js`);
  const { FORCE_COLOR: _, ...env } = process.env;
  const ended = spawnSync("/bin/bash", ["-c", words], {
    encoding: "utf8",
    env,
    maxBuffer: 2 ** 26,
  });
  return { code: ended.status, output: ended.stdout.trimEnd(), errors: ended.stderr };
}

/** Without the name of the program and the time that it took. */
function plain(output: string): string {
  return output.replace(/exec:\S+ \S+/g, "exec:…").replace(/decided in .*/, "decided in …");
}

function lineWith(...words: string[]): string {
  return commands.find((line) => words.every((word) => line.includes(word))) ?? "";
}

/** The second program runs wherever there is a Python; what both must answer stands on the page. */
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const programs = ["first-cut.mjs", ...(hasPython ? ["first_cut.py"] : [])];

test.each(programs)("%s answers what the page says", (program) => {
  const [shown = ""] = blocks("text");
  const { code, output, errors } = run(lineWith(program));
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(plain(output)).toBe(plain(shown));
});

test("what the program does not know it says", () => {
  const { code, output } = run(lineWith("--objective throughput"));
  expect(code).toBe(69);
  expect(output).toBe(blocks("text")[1]);
});

test("the problem that a program gets can be looked at", () => {
  const { code, output } = run(lineWith("--write-problem"));
  expect(code).toBe(0);
  const { format, profile, topology, ...others } = JSON.parse(output);
  expect(format).toBe("partita.problem/1");
  expect(profile.graph.name).toBe("alexnet");
  expect(topology.source).toBe("camera");
  expect(others).toEqual({ objective: "latency", limits: {}, seed: 1 });
});

test("a program gets the seed and the time limit of the command, and fails with a code", () => {
  const command = lineWith("first-cut.mjs").replace(/--planner.*/, "");
  const script = join(folder, "seed.cjs");
  writeFileSync(
    script,
    `const problem = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
     console.log(JSON.stringify({ infeasible: "seed " + problem.seed }));`,
  );
  const seeded = run(`${command} --seed 5 --planner "exec:node ${script}"`);
  expect(seeded.output).toContain("planner 'exec:node seed.cjs' says: seed 5");
  const hung = run(
    `${command} --time-limit "200 ms" --planner "exec:node -e 'setInterval(Date, 99)'"`,
  );
  expect(hung).toMatchObject({ code: 70, output: "" });
  expect(hung.errors).toMatch(/^error PLANNER_FAILED: .* no answer within 200 ms and was killed/);
  const echo = run(`${command} --planner exec:cat`);
  expect(echo).toMatchObject({ code: 65, output: "" });
  expect(echo.errors).toMatch(
    /^error PLAN_INVALID: planner 'exec:cat': it has neither "placement"/,
  );
});

test("a file and a line make the planner one of the catalogue", async () => {
  for (const path of ["src", "package.json", "tsconfig.base.json", "tsconfig.portable.json"]) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"), "dir");
  cpSync("examples/own-planner", join(folder, "examples/own-planner"), { recursive: true });
  execFileSync("/bin/bash", ["-c", lineWith("sed")], { cwd: folder });
  const catalogue = join(folder, "src/plan/planners.ts");
  writeFileSync(catalogue, patched(readFileSync(catalogue, "utf8"), blocks("diff")[0] ?? ""));
  const own = {
    extends: "./tsconfig.portable.json",
    compilerOptions: { composite: false, incremental: true },
    include: ["src/plan/planners.ts", "src/**/*.d.ts"],
  };
  writeFileSync(join(folder, "tsconfig.own.json"), JSON.stringify(own));
  const compiler = join("node_modules", "typescript", "bin", "tsc");
  const compiled = spawnSync(process.execPath, [compiler, "-p", "tsconfig.own.json"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(compiled).toMatchObject({ status: 0, stdout: "" });
  const { planners } = await import(pathToFileURL(join(folder, "dist/plan/planners.js")).href);
  expect(planners["first-cut"]).toMatchObject({ name: "first-cut", optimalAmong: null });
});

/** Each added line behind the one above it. */
function patched(text: string, diff: string): string {
  let result = text;
  let above = "";
  for (const line of diff.split("\n")) {
    const content = line.slice(1);
    if (line.startsWith("+")) {
      expect(result).toContain(`${above}\n`);
      result = result.replace(`${above}\n`, () => `${above}\n${content}\n`);
    }
    above = content;
  }
  return result;
}
