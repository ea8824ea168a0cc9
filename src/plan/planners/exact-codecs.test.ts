import { expect, test } from "vitest";
import { codec, withTensorCodecs } from "../../../test/fixtures/coded-problem.ts";
import { type SmallProblem, smallProblem } from "../../../test/fixtures/small-problem.ts";
import { createRandom } from "../../base/random.ts";
import { withCodecs } from "../codecs.ts";
import { evaluate } from "../evaluate.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { planWithCodecs } from "./exact-codecs.ts";
import { exactThroughput } from "./exact-throughput.ts";

/** Two nodes of 40 s on two devices; t takes 100 s on the wire as it is. */
const small: SmallProblem = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["t"], seconds: 40 },
    { name: "b", inputs: ["t"], outputs: ["x"], seconds: 40 },
  ],
  bytes: { in: 1, t: 100, x: 1 },
  outputs: ["x"],
  topology: `
devices: [{ name: camera }, { name: cloud }]
links: [{ from: camera, to: cloud, bandwidth: 8 bit/s }]
source: camera
sink: anywhere`,
  objective: "throughput",
};

function runToEnd(problem: Problem, minimise: Planner["plan"] = exactThroughput.plan) {
  const steps: (Incumbent | null)[] = [];
  const planning = planWithCodecs(problem, { random: createRandom(1) }, minimise);
  for (;;) {
    const { done, value } = planning.next();
    if (done === true) return { steps, result: value };
    steps.push(value);
  }
}

function found(problem: Problem): Incumbent {
  const { result } = runToEnd(problem);
  if ("type" in result) throw new Error(result.reason);
  return result;
}

test("splits where a codec makes the link fast enough", () => {
  expect(found(smallProblem(small)).value).toBe(80);
  const problem = withTensorCodecs(smallProblem(small), { t: { zip: codec(2, 0.05, 0.05) } });
  const best = found(problem);
  expect(best.placement).toEqual([0, 1]);
  expect(best.value).toBeCloseTo(50, 9);
  expect(best.bound).toBe(best.value);
});

test("takes the codec that loads the bottleneck least, not the fastest one", () => {
  // The sum of all is least with `quick`: 10 + 20 + 10 s. But then the camera is busy for 50 s, and
  // with `even` nobody is for more than 45.
  const codecs = { t: { quick: codec(5, 0.1, 0.1), even: codec(2.5, 0.05, 0.31) } };
  const problem = withTensorCodecs(
    smallProblem({
      ...small,
      nodes: [small.nodes[0], { ...small.nodes[1], seconds: 10 }] as never,
    }),
    codecs,
  );
  expect(problem.hops.codec(0, 1)).toBe("quick");
  const best = found(problem);
  expect(best.placement).toEqual([0, 1]);
  expect(best.codecs?.(0, 1)).toBe("even");
  expect(best.value).toBeCloseTo(45, 9);
  expect(best.bound).toBe(best.value);
});

test("is the planner itself where no tensor has a codec", () => {
  const problem = smallProblem(small);
  const random = createRandom(1);
  const steps: unknown[] = [];
  const planning = exactThroughput.plan(problem, { random });
  for (let step = planning.next(); ; step = planning.next()) {
    if (step.done === true) {
      expect(runToEnd(problem)).toEqual({ steps, result: step.value });
      return;
    }
    steps.push(step.value);
  }
});

test("claims no more than the planner's own bound where that does not close", () => {
  const problem = withTensorCodecs(smallProblem(small), { t: { zip: codec(2, 0.05, 0.05) } });
  const { result } = runToEnd(problem, function* (relaxed, tools) {
    const best = yield* exactThroughput.plan(relaxed, tools);
    return "type" in best ? best : { ...best, bound: best.value / 2 };
  });
  if ("type" in result) throw new Error(result.reason);
  const least = Math.min(
    ...[null, "zip"].flatMap((name) =>
      [
        [0, 0],
        [0, 1],
      ].flatMap((placement) => {
        const costs = evaluate(
          withCodecs(problem, (_, at) => (at === 1 ? name : null)),
          placement,
        );
        return costs.type === "feasible" ? [costs.value] : [];
      }),
    ),
  );
  expect(result.value).toBeCloseTo(least, 9);
  expect(result.bound).toBeGreaterThan(0);
  expect(result.bound).toBeLessThanOrEqual(least);
});

test("says that no choice of codecs keeps a limit", () => {
  const limits = { periodSeconds: 30 };
  const problem = withTensorCodecs(smallProblem({ ...small, limits }), {
    t: { zip: codec(2, 0.05, 0.05) },
  });
  const { result } = runToEnd(problem);
  expect(result).toMatchObject({ type: "infeasible" });
});
