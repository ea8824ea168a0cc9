import { expect, test } from "vitest";
import { guestFailureParts } from "./guest-failures.ts";

const failure = {
  planner: "exec:p",
  network: "alexnet",
  objective: "latency",
  among: "2 devices, links from 1 Mbit/s",
  reason: "it ended\nwith exit code 1 | bad",
};

test("where nothing failed only the rule is said", () => {
  const [rule, ...others] = guestFailureParts({ limitSeconds: 10, failures: [] });
  expect(rule).toContain("10 s for each answer");
  expect(others).toEqual([]);
});

test("equal failures are one row with all questions, each cell on one line", () => {
  const other = { ...failure, among: "2 devices, links from 4 Mbit/s" };
  const parts = guestFailureParts({ limitSeconds: 10, failures: [failure, failure, other] });
  expect(parts.at(-1)?.split("\n").slice(2)).toEqual([
    "| exec:p | alexnet | latency | 3 | 2 devices, links from 1 Mbit/s; 2 devices, links from 4 Mbit/s | it ended with exit code 1 \\| bad |",
  ]);
});

test("a long list is cut, and says so", () => {
  const failures = Array.from({ length: 60 }, (_, at) => ({ ...failure, network: `net${at}` }));
  const parts = guestFailureParts({ limitSeconds: 1, failures });
  expect(parts[1]).toContain("The first 40 of 60 rows.");
  expect(parts.at(-1)?.split("\n")).toHaveLength(42);
});
