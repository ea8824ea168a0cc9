import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { errorTraits } from "../src/base/errors.ts";

/** Who may import whom, in the order of processing. */
const modules: Record<string, readonly string[]> = {
  base: [],
  graph: ["base"],
  onnx: ["base", "graph"],
  zoo: ["base", "graph", "onnx"],
  cost: ["base", "graph"],
  plan: ["base", "graph", "cost"],
  control: ["base", "graph", "cost", "plan"],
  transport: ["base", "graph"],
  codec: ["base", "graph"],
  runtime: ["base", "graph", "onnx", "cost", "codec"],
  cluster: ["base", "graph", "onnx", "cost", "plan", "control", "transport", "codec", "runtime"],
  sim: [
    "base",
    "graph",
    "onnx",
    "cost",
    "plan",
    "control",
    "transport",
    "codec",
    "runtime",
    "cluster",
  ],
  nats: ["base", "graph", "cost", "plan", "transport", "runtime", "cluster"],
  compare: ["base", "graph", "zoo", "cost", "plan", "sim"],
  server: ["base", "graph", "cost", "plan", "runtime", "cluster"],
  deploy: ["base", "cost"],
  cli: [
    "base",
    "graph",
    "onnx",
    "zoo",
    "cost",
    "plan",
    "control",
    "transport",
    "codec",
    "runtime",
    "cluster",
    "sim",
    "compare",
    "nats",
    "server",
    "deploy",
  ],
};

const hostBound = /\.(node|web|test)\.ts$/;

const isGenerated = (path: string): boolean => path.includes("/generated/");

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !isGenerated(path))
  .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }));
const sources = files.filter(({ path }) => !path.endsWith(".test.ts"));
const moduleOf = (path: string): string => path.split("/")[0] ?? "";

test("every folder of src is a module of the table, and none is empty", () => {
  expect([...new Set(sources.map(({ path }) => moduleOf(path)))].sort()).toEqual(
    Object.keys(modules).sort(),
  );
});

test.each(files)("$path imports only what its module may", ({ path, text }) => {
  const imported = [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)]
    .map(([, target = ""]) => join(dirname(path), target))
    .filter((target) => !target.startsWith(".."))
    .map(moduleOf)
    .filter((target) => target !== moduleOf(path));
  expect(modules[moduleOf(path)]).toEqual(expect.arrayContaining(imported));
});

test.each(sources.filter(({ path }) => !hostBound.test(path) && !path.startsWith("cli/")))(
  "$path takes time and chance as parameters",
  ({ text }) => {
    expect(text).not.toMatch(
      /\bDate\.now|\bnew Date\(|\bMath\.random|\bperformance\.now|from "node:/,
    );
  },
);

test("no file has more than 400 lines, and half have at most 130", () => {
  const lengths = sources.map(({ text }) => text.split("\n").length).sort((a, b) => a - b);
  expect(lengths.at(-1)).toBeLessThanOrEqual(400);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(130);
});

test.each(Object.keys(errorTraits))("%s is thrown somewhere and documented", (code) => {
  const thrown = sources.some(
    ({ path, text }) => path !== "base/errors.ts" && text.includes(`"${code}"`),
  );
  expect(thrown).toBe(true);
  expect(readFileSync("docs/reference/errors.md", "utf8")).toContain(`\`${code}\``);
});

test("nothing is named utils, shared, common, helpers or misc", () => {
  const refuges = files.filter(({ path }) =>
    /(^|\/)(utils?|shared|common|helpers?|misc)(\.|\/)/.test(path),
  );
  expect(refuges).toEqual([]);
});

const pages = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join("docs", path)),
];

test.each(pages)("every relative link of %s leads somewhere", (page) => {
  const links = [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)];
  const dead = links
    .map(([, target = ""]) => join(dirname(page), target))
    .filter((target) => !existsSync(target));
  expect(dead).toEqual([]);
});

test("every page on an algorithm stands in their index", () => {
  const index = readFileSync("docs/algorithms/README.md", "utf8");
  const missing = readdirSync("docs/algorithms").filter(
    (name) => name !== "README.md" && !index.includes(`(${name})`),
  );
  expect(missing).toEqual([]);
});
