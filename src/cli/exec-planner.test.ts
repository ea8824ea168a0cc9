import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { createRandom } from "../base/random.ts";
import { type ExecOptions, execPlanner } from "./exec-planner.ts";

const folder = mkdtempSync(join(tmpdir(), "partita exec "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const problem = smallProblem({
  nodes: [{ name: "a", inputs: ["x"], outputs: ["y"] }],
  bytes: { x: 4, y: 1 },
  outputs: ["y"],
  topology: "devices: [{ name: camera }]\nsource: camera",
});

/** A planner of a few lines of JavaScript, in a folder whose name has blanks. */
function script(name: string, body: string): string {
  const path = join(folder, name);
  const read = 'const { readFileSync, writeSync } = require("node:fs");\n';
  writeFileSync(path, `${read}const problem = () => JSON.parse(readFileSync(0, "utf8"));\n${body}`);
  return `exec:"${process.execPath}" "${path}"`;
}

function ask(command: string, options: ExecOptions = {}) {
  const steps = execPlanner(command, options).plan(problem, { random: createRandom(7) });
  expect(steps.next()).toEqual({ done: false, value: null });
  return steps.next().value;
}

test("a program reads the problem and names a device for each node", () => {
  const command = script(
    "first.cjs",
    `const { profile, topology, objective, limits, seed, format, ...rest } = problem();
     const placement = Object.fromEntries(profile.graph.nodes.map(({ name }) => [name, topology.source]));
     const method = [format, objective, JSON.stringify(limits), seed, Object.keys(rest)].join();
     console.log(JSON.stringify({ placement, method }));`,
  );
  expect(execPlanner(command).name).toMatch(/^exec:\S+ first\.cjs$/);
  expect(ask(command, { seed: 5 })).toEqual({
    placement: [0],
    value: 1,
    bound: null,
    method: "partita.problem/1,latency,{},5,",
  });
});

test("without a seed of its own it is drawn from the run's, always the same", () => {
  const command = script(
    "seed.cjs",
    'console.log(JSON.stringify({ placement: { a: "camera" }, method: String(problem().seed) }));',
  );
  expect(ask(command)).toEqual(ask(command));
});

test("words may be quoted, remarks on standard error reach the caller", () => {
  const command = script(
    "words.cjs",
    `problem();
     console.error("thinking");
     console.log(JSON.stringify({ infeasible: process.argv.slice(2).join("|") }));`,
  );
  const notes: string[] = [];
  const answer = ask(`${command} --fast 'two words' a" b"`, { note: (text) => notes.push(text) });
  expect(answer).toMatchObject({ type: "infeasible", isProven: false });
  expect(answer).toHaveProperty("reason", expect.stringContaining("--fast|two words|a b"));
  expect(notes).toEqual(["thinking"]);
});

test("an answer that does not wait for the problem counts", () => {
  const command = script("deaf.cjs", 'writeSync(1, `{"placement":{"a":"camera"}}`);');
  expect(ask(command)).toMatchObject({ placement: [0] });
});

test.each([
  [
    "exit.cjs",
    "process.exitCode = 3; console.error('out of ideas');",
    /exit code 3.*\nout of ideas$/s,
  ],
  ["prose.cjs", "console.log('camera, I think');", /no JSON document.*found "camera, I think/s],
  ["silent.cjs", "", /no JSON document.*found nothing/s],
  ["killed.cjs", "process.kill(process.pid, 'SIGTERM');", /was ended by SIGTERM|exit code/],
])("a program that fails is told apart from no plan: %s", (name, body, words) => {
  expect(() => ask(script(name, body))).toThrow(
    expect.objectContaining({ code: "PLANNER_FAILED", message: expect.stringMatching(words) }),
  );
});

test("a program that hangs is killed at the time limit", () => {
  const command = script("hang.cjs", "setInterval(() => undefined, 1000);");
  expect(() => ask(command, { timeLimitSeconds: 0.3 })).toThrow(
    expect.objectContaining({
      code: "PLANNER_FAILED",
      message: expect.stringContaining("no answer within 300 ms and was killed"),
    }),
  );
});

test("a program that ended but left its output open to a process of its own is told apart", () => {
  const command = script(
    "left.cjs",
    `const { spawn } = require("node:child_process");
     spawn(process.execPath, ["-e", "setTimeout(Date, 3000)"], { stdio: "inherit" }).unref();
     process.exit(0);`,
  );
  expect(() => ask(command, { timeLimitSeconds: 1 })).toThrow(
    expect.objectContaining({
      code: "PLANNER_FAILED",
      message: expect.stringContaining("kept its standard output open for 1 s"),
    }),
  );
});

test("a program that is not there is said to be missing", () => {
  expect(() => ask("exec:no-such-planner-9 --fast")).toThrow(
    expect.objectContaining({
      code: "PLANNER_FAILED",
      message: expect.stringContaining("there is no program 'no-such-planner-9'"),
    }),
  );
});

test.each(["exec:", "exec: ", "exec:''", "exec:node 'planner.mjs", 'exec:node "a b'])(
  "a command that names no program or leaves a quote open is refused: %s",
  (command) => {
    expect(() => execPlanner(command)).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
  },
);

test("a byte order mark in front of the answer is no part of it", () => {
  const command = script("mark.cjs", 'console.log(`\\uFEFF{"placement":{"a":"camera"}}`);');
  expect(ask(command)).toMatchObject({ placement: [0] });
});

test("claims of a program are checked", () => {
  const command = script(
    "claim.cjs",
    'problem(); console.log(`{"placement":{"a":"camera"},"claimed":{"latencySeconds":2}}`);',
  );
  expect(() => ask(command)).toThrow(
    expect.objectContaining({
      code: "PLAN_INVALID",
      details: { field: "claimed.latencySeconds", claimed: 2, evaluated: 1 },
    }),
  );
});
