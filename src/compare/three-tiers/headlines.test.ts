import { expect, test } from "vitest";
import type { Headline } from "../study.ts";
import type { Outcome, TierCell } from "./cells.ts";
import { tierHeadlines } from "./headlines.ts";

/** What a method takes and sends to the cloud. */
type Figures = readonly [latencySeconds: number, backboneBytes: number];

function cellOf(bestSingle: number, figures: Readonly<Record<string, Figures>>): TierCell {
  const outcomes = Object.entries(figures).map(([method, [latencySeconds, backboneBytes]]) => {
    const outcome: Outcome = { latencySeconds, backboneBytes, tiers: ["device", "edge"] };
    return [method, outcome];
  });
  return {
    network: "alexnet",
    input: "float32",
    links: "Wi-Fi",
    bestSingle,
    outcomes: Object.fromEntries(outcomes),
    bound: 0,
    refused: {},
  };
}

/** What became of the first headline that begins so. */
function verdictOf(published: string, cells: readonly TierCell[]): Headline {
  const found = tierHeadlines(cells).find((headline) => headline.published.startsWith(published));
  if (found === undefined) throw new Error(`no headline of ${published}`);
  return found;
}

const traffic = "backbone traffic";

test("less traffic counts where both send something and the split is worth making", () => {
  const cell = cellOf(2, { d3: [1, 10], "dads edge–cloud": [1, 40] });
  expect(verdictOf(traffic, [cell])).toMatchObject({ verdict: "reproduced", measured: "4.00x" });
});

test("whoever sends nothing reaches any ratio, which is trivial, wherever another cell stays below", () => {
  const silent = cellOf(2, { d3: [1, 0], "dads edge–cloud": [1, 40] });
  const both = cellOf(2, { d3: [1, 20], "dads edge–cloud": [1, 40] });
  const found = verdictOf(traffic, [silent, both]);
  expect(found).toMatchObject({
    verdict: "trivial",
    measured: "nothing sent instead of 0.04 kB",
  });
  expect(found.remark).toContain("where both send something (1 of 2 cells) at most 2.00x");
});

test("less traffic for more latency than the baseline's does not count", () => {
  const slow = cellOf(2, { d3: [1.5, 10], "dads edge–cloud": [1, 40] });
  const fast = cellOf(2, { d3: [1, 20], "dads edge–cloud": [1, 40] });
  expect(verdictOf(traffic, [slow, fast])).toMatchObject({
    verdict: "not reproduced",
    measured: "2.00x",
  });
});

test("a ratio over a baseline is trivial where one tier by itself is as good", () => {
  const figures = { d3: [1, 0], "dads device–edge": [4, 0] } as const;
  expect(verdictOf("end-to-end", [cellOf(1, figures)])).toMatchObject({ verdict: "trivial" });
  expect(verdictOf("end-to-end", [cellOf(1.05, figures)])).toMatchObject({ verdict: "trivial" });
  expect(verdictOf("end-to-end", [cellOf(2, figures)])).toMatchObject({ verdict: "reproduced" });
});
