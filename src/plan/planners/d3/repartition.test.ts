import { expect, test } from "vitest";
import type { Question } from "../../../../test/conformance/planner-oracle.ts";
import { randomQuestion } from "../../../../test/conformance/planner-problems.ts";
import { between, problemOf } from "../../../../test/fixtures/sketch.ts";
import { Matrix } from "../../../base/matrix.ts";
import { createRandom } from "../../../base/random.ts";
import { bitsPerSecond, seconds } from "../../../base/units.ts";
import { evaluate } from "../../evaluate.ts";
import { createProblem, type Placement, type Problem } from "../../problem.ts";
import { d3 } from "../d3.ts";
import { publishedRules } from "./board.ts";
import { findDrift, type Quantities, quantitiesOf, usualBand } from "./drift.ts";
import { partition } from "./partition.ts";
import { repartition } from "./repartition.ts";

/** Two chains side by side, each with its own way to the edge. */
function twoChains(aAtDevice: number, uplink: number): Problem {
  return problemOf({
    inputs: { left: 1, right: 1 },
    nodes: [
      { name: "a", reads: ["left"], bytes: 1, seconds: [aAtDevice, 1] },
      { name: "b", reads: ["a"], bytes: 1, seconds: [5, 1] },
      { name: "x", reads: ["right"], bytes: 1, seconds: [5, 1] },
      { name: "y", reads: ["x"], bytes: 1, seconds: [5, 1] },
    ],
    outputs: ["b", "y"],
    devices: [
      { name: "camera", tier: "device" },
      { name: "gateway", tier: "edge" },
    ],
    links: between("camera", "gateway", uplink),
  });
}

test("inside the band nothing is looked at", () => {
  const reference = quantitiesOf(twoChains(5, 8));
  const found = repartition(twoChains(6, 9), [0, 0, 0, 0], reference);
  expect(found).toMatchObject({ drifted: 0, touched: 0, isChanged: false, reference });
});

test("a node that became slow moves with what stands behind it, the other chain is not touched", () => {
  const reference = quantitiesOf(twoChains(5, 8));
  const found = repartition(twoChains(20, 8), [0, 0, 0, 0], reference);
  expect(found).toMatchObject({
    placement: [1, 1, 0, 0],
    drifted: 1,
    touched: 2,
    isChanged: true,
  });
  expect(found.reference.nodeSeconds.get(0, 0)).toBe(20);
});

test("a faster link is looked at from every node that could use it", () => {
  const reference = quantitiesOf(twoChains(5, 8));
  const found = repartition(twoChains(5, 2), [0, 0, 0, 0], reference);
  expect(found).toMatchObject({ placement: [1, 1, 1, 1], touched: 4, isChanged: true });
});

test("a slower link is looked at from the nodes that read over it", () => {
  const reference = quantitiesOf(twoChains(20, 8));
  const found = repartition(twoChains(20, 40), [1, 1, 0, 0], reference);
  expect(found).toMatchObject({ placement: [0, 0, 0, 0], touched: 2, isChanged: true });
});

test("a direct link that became slow is looked at though another way is shorter now", () => {
  const world = (direct: number): Problem =>
    problemOf({
      inputs: { in: 1 },
      nodes: [{ name: "a", reads: ["in"], bytes: 1, seconds: [9, 4, 1] }],
      outputs: ["a"],
      devices: [
        { name: "camera", tier: "device" },
        { name: "gateway", tier: "edge" },
        { name: "server", tier: "cloud" },
      ],
      links: [
        ...between("camera", "gateway", 3),
        ...between("gateway", "server", 4),
        ...between("camera", "server", direct),
      ],
    });
  const found = repartition(world(50), [2], quantitiesOf(world(2)));
  expect(found).toMatchObject({ placement: [1], touched: 1, isChanged: true });
});

test("a change that would cost more is not kept", () => {
  // By the local rule `a` would stay on the camera for 7 s instead of 8 + 1, and `b` with it.
  const reference = quantitiesOf(twoChains(20, 8));
  const found = repartition(twoChains(7, 8), [1, 1, 0, 0], reference);
  expect(found).toMatchObject({ placement: [1, 1, 0, 0], touched: 2, isChanged: false });
});

const classes = (["line", "mesh"] as const).flatMap((shape) =>
  (["latency", "weighted"] as const).map((objective) => ({
    shape,
    objective,
    tiers: true as const,
  })),
);
const cases = classes.flatMap((kind) =>
  Array.from({ length: 60 }, (_, seed) => ({ kind, seed: seed + 1 })),
);

test("with everything out of its band it is the whole partition", () => {
  const changed = forEachCase(({ now, placement }) => {
    const whole = partition(now, publishedRules);
    const found = repartition(now, placement, everythingElse(now));
    expect(found.touched).toBe(now.index.graph.nodes.length);
    const isBetter = costOf(now, whole) < costOf(now, placement);
    expect(found.placement).toEqual(isBetter ? whole : placement);
    return found.isChanged;
  });
  expect(changed).toBeGreaterThan(10);
});

test("nothing flows back, and what is kept costs no more than the old placement", () => {
  const changed = forEachCase(({ now, before, placement }) => {
    const { low, high } = usualBand;
    for (const band of [usualBand, { low: 1, high: 1 }, { low: low * low, high: high * high }]) {
      const found = repartition(now, placement, quantitiesOf(before), { band });
      expect(flowsBack(now, found.placement)).toBe(false);
      expect(costOf(now, found.placement)).toBeLessThanOrEqual(costOf(now, placement));
      expect(found.touched).toBeLessThanOrEqual(now.index.graph.nodes.length);
      expect(findDrift(found.reference, quantitiesOf(now), band)).toEqual([]);
    }
    return repartition(now, placement, quantitiesOf(before)).isChanged;
  });
  expect(changed).toBeGreaterThan(10);
});

/** References that no quantity is near to. */
function everythingElse(problem: Problem): Quantities {
  const { nodeSeconds, linkRates } = quantitiesOf(problem);
  return {
    nodeSeconds: new Matrix(nodeSeconds.rows, nodeSeconds.columns, 1e9),
    linkRates: linkRates.map((rate) => rate / 1e9),
  };
}

/** How many of the random worlds, each before and after a drift, a check says something of. */
function forEachCase(
  check: (world: { now: Problem; before: Problem; placement: Placement }) => boolean,
): number {
  let count = 0;
  for (const { kind, seed } of cases) {
    const question = randomQuestion(seed, kind, { nodes: 6, devices: 3 });
    const before = toProblem(question);
    if (d3.refuses(before) !== null || isHopeless(before)) continue;
    const now = toProblem(drifted(question, seed));
    if (check({ now, before, placement: partition(before, publishedRules) })) count++;
  }
  return count;
}

/** Whether some node has no tier at all. */
function isHopeless(problem: Problem): boolean {
  try {
    partition(problem, publishedRules);
    return false;
  } catch {
    return true;
  }
}

/** Some node seconds and some rates, other by a factor. */
function drifted({ profile, topology, objective, limits }: Question, seed: number): Question {
  const random = createRandom(seed + 1000);
  const factor = (): number => random.pick([1, 1, 0.25, 0.9, 1.1, 4]);
  const devices = Object.entries(profile.devices).map(([name, kind]) => {
    const nodeSeconds = kind.nodeSeconds.map((value) =>
      value === null ? null : seconds(value * factor()),
    );
    return [name, { ...kind, nodeSeconds }];
  });
  const links = topology.links.map((link) => ({
    ...link,
    bandwidthBitsPerSecond: bitsPerSecond(link.bandwidthBitsPerSecond * factor()),
  }));
  return {
    profile: { ...profile, devices: Object.fromEntries(devices) },
    topology: { ...topology, links },
    objective,
    limits,
  };
}

function toProblem({ profile, topology, objective, limits }: Question): Problem {
  return createProblem(profile, topology, objective, limits);
}

function flowsBack({ index }: Problem, placement: Placement): boolean {
  return index.predecessors.some((before, node) =>
    before.some((producer) => (placement[producer] as number) > (placement[node] as number)),
  );
}

function costOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}
