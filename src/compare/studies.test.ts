import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { studies } from "./studies.ts";

test("every study has a name of its own, which stands in the page on comparisons", () => {
  const names = studies.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const page = readFileSync("docs/comparison.md", "utf8");
  const link = (name: string) => `| [\`${name}\`](../bench/results/planners-${name}.md) |`;
  expect(names.filter((name) => !page.includes(link(name)))).toEqual([]);
});
