import { expect, test } from "vitest";
import { kpathHeadlines } from "./headlines.ts";
import type { PlacementCell } from "./placement-cells.ts";

function cell(model: string, kpath: number, greedy: number, others: Partial<PlacementCell> = {}) {
  return {
    type: "placement",
    model,
    capMebibytes: 64,
    devices: 50,
    parts: 4,
    random: [10, 10],
    methods: { "kpath-published": [kpath, kpath], kpath: [kpath, kpath], greedy: [greedy, greedy] },
    exact: [1, 1],
    bound: [0.5, 0.5],
    ...others,
  } as const satisfies PlacementCell;
}

const results = {
  rows: ["A", "B"].map((model) => ({ model, capMebibytes: 64, seconds: [] })),
  onePart: [
    { model: "A", capMebibytes: 512 },
    { model: "B", capMebibytes: 512 },
  ],
  toBound: [
    { model: "A", ratio: 1.2 },
    { model: "B", ratio: 1.4 },
    { model: "C", ratio: 9 },
  ],
};

test("cells that count as nothing for one method make its mean look better", () => {
  const [random, greedy, optimum] = kpathHeadlines([cell("A", 2, 2), cell("B", 2, 2)], results);
  // Means of 10 and 2 s over the same cells; with two zeros the mean of 2 s is 1 s.
  expect(random).toMatchObject({ measured: "5.0x", verdict: "not reproduced" });
  expect(random?.remark).toContain("so averaged it is 10.0x");
  expect(greedy).toMatchObject({ measured: "0.0 %", verdict: "not reproduced" });
  expect(greedy?.remark).toContain("it is 100.0 %");
  // Twice the exact seconds, and these are twice the bound.
  expect(optimum).toMatchObject({ measured: "300.0 %", verdict: "not reproduced" });
  expect(optimum?.remark).toContain("k-path is 100.0 % away on average");
  expect(optimum?.remark).toContain("for these the public code has 30.0 %");
});

test("topologies without a placement by k-path count for no method", () => {
  const some = {
    random: [10, 1000],
    methods: { "kpath-published": [2, null], kpath: [2, 2], greedy: [3, 1] },
  };
  const none = { methods: { "kpath-published": [null, null], kpath: [2, 2], greedy: [3, 1] } };
  const cells = [cell("A", 2, 3, some), cell("B", 2, 3, none)];
  const [random, greedy] = kpathHeadlines(cells, results);
  expect(random).toMatchObject({ measured: "5.0x" });
  expect(greedy).toMatchObject({ measured: "50.0 %", verdict: "reproduced" });
});

test("what is reached is reproduced", () => {
  const cells = [cell("A", 1, 1.4, { bound: [1, 1] }), cell("B", 1, 1.4, { bound: [1, 1] })];
  const verdicts = kpathHeadlines(cells, results).map(({ verdict }) => verdict);
  expect(verdicts).toEqual(["reproduced", "reproduced", "reproduced"]);
});
