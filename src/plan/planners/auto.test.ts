import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { evaluate } from "../evaluate.ts";
import type { Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { createAuto, upTo } from "./auto.ts";

const sketch: Sketch = {
  inputs: { in: 1 },
  nodes: [
    { name: "a", reads: ["in"], bytes: 1, seconds: [4, 1] },
    { name: "b", reads: ["a"], bytes: 1, seconds: [1, 4] },
  ],
  outputs: ["b"],
  devices: [{ name: "near" }, { name: "far" }],
  links: between("near", "far", 1),
};

/** Always everything on the source. */
function stayer(onAsked: () => void): Planner {
  return {
    name: "stayer",
    optimalAmong: null,
    refuses: () => null,
    *plan(problem) {
      onAsked();
      const placement = problem.index.graph.nodes.map(() => problem.source);
      const found = evaluate(problem, placement);
      if (found.type === "infeasible") return found;
      return { placement, value: found.value, bound: found.value, bestAmong: "one-device" };
    },
  };
}

test("where the exact planner ends at once nobody else is asked", () => {
  let asked = 0;
  const problem = problemOf(sketch);
  const auto = createAuto([stayer(() => asked++)]);
  const { last } = stepsOf(auto, problem);
  expect(last).toMatchObject({ value: 4, bound: 4, method: "minimum cut" });
  expect(asked).toBe(0);
});

test("in a search that takes time the others are asked, and what they claim to prove is not believed", () => {
  let asked = 0;
  const problem = problemOf({ ...sketch, objective: { type: "throughput" } });
  const auto = createAuto([stayer(() => asked++)]);
  const { steps, last } = stepsOf(auto, problem);
  const exactly = stepsOf(createAuto([]), problem).last;
  expect(asked).toBe(1);
  expect(last).toEqual(exactly);
  const values = steps.map(({ value }) => value);
  expect(values).toEqual([...values].sort((a, b) => b - a));
});

test("who works too long on large graphs is not asked about them", () => {
  let asked = 0;
  const problem = problemOf({ ...sketch, objective: { type: "throughput" } });
  stepsOf(
    createAuto([
      upTo(
        stayer(() => asked++),
        1,
      ),
    ]),
    problem,
  );
  expect(asked).toBe(0);
  stepsOf(
    createAuto([
      upTo(
        stayer(() => asked++),
        2,
      ),
    ]),
    problem,
  );
  expect(asked).toBe(1);
});

function stepsOf(planner: Planner, problem: Problem) {
  const planning = planner.plan(problem, { random: createRandom(1) });
  const steps = [];
  for (;;) {
    const { done, value } = planning.next();
    if (value !== null && "type" in value) throw new Error(value.reason);
    if (done === true) return { steps, last: value };
    if (value !== null) steps.push(value);
  }
}
