import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { nominalState, type State, topologyAt } from "../../src/cost/state.ts";
import { withCodecs } from "../../src/plan/codecs.ts";
import { costAt, costLine } from "../../src/plan/cost-line.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { createProblem } from "../../src/plan/problem.ts";
import { toProblem } from "./planner.ts";
import { randomQuestion } from "./planner-problems.ts";

test.each(["latency", "energy", "weighted"] as const)(
  "the line of a placement gives what the placement costs in any state: %s",
  (objective) => {
    let compared = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const question = randomQuestion(seed, { shape: "line", objective }, { nodes: 7, devices: 3 });
      const problem = toProblem({ ...question, limits: {} });
      const random = createRandom(seed);
      const placement = problem.index.graph.nodes.map(() => random.integer(problem.devices.length));
      const nominal = nominalState(problem.topology);
      const state: State = {
        bandwidthBitsPerSecond: nominal.bandwidthBitsPerSecond.map(
          (rate) => rate * (0.25 + 4 * random.next()),
        ),
        slowDown: nominal.slowDown.map(() => 0.5 + 3 * random.next()),
      };
      const line = costLine(problem, placement);
      for (const at of [nominal, state]) {
        const changed = createProblem(
          problem.profile,
          topologyAt(problem.topology, at),
          problem.objective,
        );
        // A line holds for the codecs of its problem; in another state others may be better.
        const found = evaluate(withCodecs(changed, problem.hops.codec), placement);
        if (found.type === "infeasible" || line === null) continue;
        compared++;
        expect(costAt(line, at), `seed ${seed}`).toBeCloseTo(found.value, 9);
      }
    }
    expect(compared).toBeGreaterThan(200);
  },
);
