import { expect, test } from "vitest";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import type { Clock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import { seconds } from "../base/units.ts";
import { loadHighsSolver } from "./highs.node.ts";
import type { Planner } from "./planner.ts";
import { exact } from "./planners/exact.ts";
import type { Problem } from "./problem.ts";
import { runPlanner } from "./run-planner.ts";

/** A clock that moves on by a hundredth of a second each time that somebody looks. */
function impatientClock(): Clock & { readonly looks: () => number } {
  let looks = 0;
  return {
    now: () => seconds(looks++ / 100),
    sleep: () => Promise.resolve(),
    looks: () => looks,
  };
}

/** Sixty nodes that read three others each, on four devices with caps: no search ends soon. */
function hardProblem(): Problem {
  const random = createRandom(5);
  const names = ["a", "b", "c", "d"];
  return problemOf({
    inputs: { in: 4 },
    nodes: Array.from({ length: 60 }, (_, node) => ({
      name: `n${node}`,
      reads: [...new Set([0, 1, 2].map(() => random.integer(node + 1)))].map((read) =>
        read === node ? "in" : `n${read}`,
      ),
      bytes: 1 + random.integer(9),
      seconds: names.map((_, device) => (1 + random.integer(30)) / (1 + device)),
      parameterBytes: random.integer(10),
    })),
    outputs: ["n59"],
    devices: names.map((name) => ({ name, memoryBytes: 400 })),
    links: names.flatMap((from, at) =>
      names.slice(at + 1).flatMap((to) => between(from, to, 0.2 + random.next())),
    ),
  });
}

test("a planner out of time is stopped, and its last incumbent kept, with bound and gap", async () => {
  const problem = hardProblem();
  const clock = impatientClock();
  const solver = await loadHighsSolver();
  const plan = runPlanner(exact, problem, { seed: 1, clock, timeLimitSeconds: 5, solver });
  expect(clock.looks()).toBeLessThan(600);
  if ("type" in plan) throw new Error(plan.reason);
  expect(plan).toMatchObject({ guarantee: "bounded", stopped: true });
  expect(plan.bound).toBeGreaterThan(0);
  expect(plan.gap).toBeGreaterThan(0);
});

test("no time at all is answered with what the time was, not with a proof", () => {
  const clock = impatientClock();
  const answer = runPlanner(exact, hardProblem(), { seed: 1, clock, timeLimitSeconds: 0 });
  expect(answer).toMatchObject({
    type: "infeasible",
    reason: expect.stringMatching(/no allowed placement within 0 s.*no proof/),
  });
});

test("a solver learns that the time is over, so that it need not be waited for", () => {
  const clock = impatientClock();
  const asked: boolean[] = [];
  const curious: Planner = {
    name: "curious",
    optimalAmong: null,
    refuses: () => null,
    *plan(_, { solver }) {
      for (;;) {
        solver?.solve({ columns: [], rows: [] }, { iterations: 1, nodes: 1 });
        yield null;
      }
    },
  };
  runPlanner(curious, hardProblem(), {
    seed: 1,
    clock,
    timeLimitSeconds: 0.09,
    solver: {
      name: "spy",
      solve: (_, { isOver }) => {
        asked.push(isOver?.() ?? false);
        return { type: "stopped", values: [], objective: 0, bound: 0, prices: [] };
      },
    },
  });
  expect(asked[0]).toBe(false);
  expect(asked.at(-1)).toBe(true);
});
