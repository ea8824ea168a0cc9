import { expect, test } from "vitest";
import type { RequestTimings } from "../../cluster/data-message.ts";
import { wayOf } from "./answers.ts";

function timings(...stages: (readonly [string, string, number])[]): RequestTimings {
  return {
    ...{ source: "a", waitSeconds: 0, totalSeconds: 1, hops: [] },
    stages: stages.map(([stage, device, busySeconds]) => ({
      ...{ stage, device, startSeconds: 0, queueSeconds: 0 },
      ...{ busySeconds, computeSeconds: busySeconds },
    })),
  };
}

test("says what each stage took, in their order", () => {
  const way = wayOf(timings(["s10", "b", 0.2], ["s2", "a", 0.1], ["s3", "a", 0.3]));
  expect(way).toBe("s2 on a 100 ms, s3 on a 300 ms, s10 on b 200 ms");
});

test("stages in a row that the same devices run together are one, with what each of them took", () => {
  const way = wayOf(
    timings(
      ["s1", "left", 2],
      ["s0", "right", 1],
      ["s1", "right", 3],
      ["s0", "left", 4],
      ["s2", "left", 1],
    ),
  );
  expect(way).toBe("s0–s1 on left 6 s and right 4 s, s2 on left 1 s");
});

test("tiles that a device runs one after the other are of one stage", () => {
  const way = wayOf(timings(["s0.1", "a", 1], ["s0.10", "a", 1], ["s0.0", "a", 1], ["s0", "b", 2]));
  expect(way).toBe("s0 on a 3 s and b 2 s");
});
