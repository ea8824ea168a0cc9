import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import type { DeviceProfile } from "../../src/cost/profile.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import {
  planSharedChains,
  type SharedChain,
} from "../../src/plan/planners/exact-tiles/shared-chains.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { randomStrips } from "../fixtures/strips.ts";
import { clock, expectEqual, longRun } from "./planner.ts";
import { bestSharedChain } from "./shared-chains-oracle.ts";
import { bestTiled } from "./tiled-oracle.ts";

const drawn = longRun ? 400 : 40;
const slow = { timeout: 600_000 };

function strips(seed: number, size: { nodes: number; devices: number; height: number }): Problem {
  return randomStrips(createRandom(seed), { ...size, objective: "latency" });
}

/** @param most ways to look at, if not as many as there are */
function search(problem: Problem, most?: number): SharedChain | null {
  const steps = planSharedChains(problem, most);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

test("the best chain of shared stages is that of trying them all", slow, () => {
  let shared = 0;
  for (let seed = 1; seed <= drawn; seed++) {
    const size = seed % 3 === 0 ? { nodes: 2, devices: 3 } : { nodes: 3, devices: 2 };
    const problem = strips(seed, { ...size, height: 4 });
    const where = `randomStrips of seed ${seed}`;
    const found = search(problem);
    const best = bestSharedChain(problem);
    if (found === null) continue;
    expect(found.isComplete, where).toBe(true);
    expectEqual(found.value, best, where);
    if (found.tiles !== undefined) shared++;
  }
  expect(shared).toBeGreaterThan(drawn / 4);
});

test.each([
  { answer: "t1", sink: "d0" },
  { answer: "in", sink: "d1" },
])(
  "chains beside the answer $answer, wanted on $sink, are called the best only where they are",
  ({ answer, sink }) => {
    let closed = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const { profile, topology, objective, limits } = strips(seed, {
        nodes: 3,
        devices: 2,
        height: 4,
      });
      const graph = { ...profile.graph, outputs: [answer, ...profile.graph.outputs] };
      const wanted = topology.sink === "anywhere" ? topology : { ...topology, sink };
      const problem = createProblem({ ...profile, graph }, wanted, objective, limits);
      const found = search(problem);
      if (found?.isComplete !== true) continue;
      expectEqual(found.value, bestSharedChain(problem), `randomStrips of seed ${seed}`);
      closed++;
    }
    expect(closed).toBeGreaterThan(2);
  },
);

test(
  "where not all ways are tried most chains are still the best, and none is far from it",
  slow,
  () => {
    let reached = 0;
    let compared = 0;
    let worst = 1;
    for (let seed = 1; seed <= drawn; seed++) {
      const size =
        seed % 3 === 0 ? { nodes: 4, devices: 3, height: 6 } : { nodes: 5, devices: 2, height: 12 };
      const problem = strips(seed, size);
      const best = search(problem);
      const found = search(problem, 0);
      const where = `randomStrips of seed ${seed}`;
      expect(best?.isComplete ?? true, where).toBe(true);
      expect(found?.isComplete ?? false, where).toBe(false);
      if (best === null || found === null) continue;
      expect(found.value, where).toBeGreaterThanOrEqual(best.value * (1 - 1e-9));
      compared++;
      worst = Math.max(worst, found.value / best.value);
      if (found.value <= best.value * (1 + 1e-9)) reached++;
    }
    // Of ten times as many problems more are hard.
    expect(reached).toBeGreaterThan((longRun ? 0.85 : 0.9) * compared);
    expect(worst).toBeLessThan(longRun ? 1.15 : 1.1);
  },
);

test("exact is hardly ever beaten by any shared stages, and never where it says so", slow, () => {
  let reached = 0;
  let inClass = 0;
  for (let seed = 1; seed <= drawn; seed++) {
    const problem = strips(seed, { nodes: 3, devices: 2, height: 4 });
    const where = `randomStrips of seed ${seed}`;
    const plan = runPlanner(exact, problem, { seed: 1, clock });
    expect(plan, where).toHaveProperty("format");
    if (!("format" in plan)) continue;
    const best = bestTiled(problem, 3);
    const { latencySeconds } = plan.claimed;
    expect(latencySeconds, where).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    expect(plan.bound ?? 0, where).toBeLessThanOrEqual(best * (1 + 1e-9));
    if (latencySeconds <= best * (1 + 1e-9)) reached++;
    if (plan.class === "shared-chains") inClass++;
    else expect(plan.guarantee, where).toBe("optimal");
  }
  expect(reached).toBeGreaterThan(0.95 * drawn);
  expect(inClass).toBeGreaterThan(drawn / 2);
});

test(
  "no device is worth more than nothing: leaving any out never makes a plan better",
  slow,
  () => {
    for (let seed = 1; seed <= (longRun ? 1000 : 100); seed++) {
      const large = seed % 10 === 0;
      const size = large ? { nodes: 4, height: 24 } : { nodes: 3, height: 5 + (seed % 3) };
      const problem = strips(seed, { ...size, devices: 3 });
      const plan = runPlanner(exact, problem, { seed: 1, clock });
      for (const out of large || longRun ? [0, 1, 2] : [seed % 3]) {
        const fewer = withoutRunner(problem, out);
        const without = runPlanner(exact, fewer, { seed: 1, clock });
        const where = `randomStrips of seed ${seed} without d${out}`;
        expect("format" in plan && "format" in without, where).toBe(true);
        if (!("format" in plan && "format" in without)) continue;
        expect(plan.claimed.latencySeconds, where).toBeLessThanOrEqual(
          without.claimed.latencySeconds * (1 + 1e-9),
        );
      }
    }
  },
);

/** The same where a device runs nothing, and goes on relaying as it did. */
function withoutRunner({ profile, topology, objective, limits }: Problem, out: number): Problem {
  const [kind] = Object.values(profile.devices) as [DeviceProfile];
  const relay: DeviceProfile = { ...kind, nodeSeconds: kind.nodeSeconds.map(() => null) };
  const devices = topology.devices.map((device, position) => ({
    ...device,
    profile: position === out ? "relay" : "kind",
  }));
  const kinds = { ...profile, devices: { kind, relay } };
  return createProblem(kinds, { ...topology, devices }, objective, limits);
}
