import { expect, test } from "vitest";
import { leastValue } from "../../../test/fixtures/every-placement.ts";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { outAndBack, threeReaders, twoDevices } from "../../../test/fixtures/traps.ts";
import { createRandom, type Random } from "../../base/random.ts";
import { additiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { findLine } from "../line.ts";
import type { Problem } from "../problem.ts";
import { cutLine } from "./exact-line.ts";

test("a tensor may flow up and another one back down", () => {
  const problem = problemOf({
    ...twoDevices,
    ...outAndBack,
  });
  expect(cut(problem)).toMatchObject({ placement: [0, 1, 0, 0], bound: 2 });
});

test("a tensor with three consumers behind a boundary pays for it once", () => {
  const problem = problemOf({
    ...twoDevices,
    ...threeReaders,
  });
  expect(cut(problem)).toMatchObject({ placement: [0, 1, 1, 1], bound: 10 });
});

test("an answer wanted at the other end pays for every boundary on its way", () => {
  const problem = problemOf({
    inputs: { in: 8 },
    nodes: [{ name: "a", reads: ["in"], bytes: 3, seconds: [0, 5, 0] }],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "middle" }, { name: "high" }],
    links: [...between("low", "middle", 1), ...between("middle", "high", 2)],
    sink: "high",
  });
  expect(cut(problem)).toMatchObject({ placement: [0], bound: 9 });
});

test("what costs nothing at all is preferred to a fraction of a second", () => {
  const problem = problemOf({
    ...twoDevices,
    inputs: { in: 0 },
    nodes: [{ name: "a", reads: ["in"], bytes: 1, seconds: [0.5, 0] }],
    outputs: ["a"],
  });
  expect(cut(problem)).toMatchObject({ placement: [1], bound: 0 });
});

test("no placement is found where the answer cannot come back", () => {
  const problem = problemOf({
    ...twoDevices,
    inputs: { in: 1 },
    nodes: [{ name: "a", reads: ["in"], bytes: 1, seconds: [null, 1] }],
    outputs: ["a"],
    links: [{ from: "low", to: "high", secondsPerByte: 1 }],
    sink: "low",
  });
  expect(cut(problem)).toBeNull();
});

test.each([1, 2, 3, 4])("the cut is the best of all placements on %i tiers", (tiers) => {
  for (let seed = 1; seed <= 120; seed++) {
    const problem = randomLine(createRandom(seed * 8 + tiers), tiers);
    const found = cut(problem);
    const best = leastValue(problem);
    const where = `seed ${seed}, ${tiers} tiers`;
    if (best === null) {
      expect(found, where).toBeNull();
      continue;
    }
    const evaluation = evaluate(problem, found?.placement ?? []);
    expect(evaluation, where).toMatchObject({ type: "feasible" });
    if (evaluation.type === "infeasible") continue;
    expect(evaluation.value, where).toBeCloseTo(best, 9);
    expect(found?.bound, where).toBeCloseTo(best, 9);
    expect(found?.bound, where).toBeLessThanOrEqual(best * (1 + 1e-12));
  }
});

function cut(problem: Problem): ReturnType<typeof cutLine> {
  const line = findLine(problem);
  const costs = additiveCosts(problem);
  if (line === null || costs === null) throw new Error("not a line, or not additive");
  return cutLine(problem, line, costs);
}

/** Up to 5 nodes that read up to three tensors each, with everything that a line can have. */
function randomLine(random: Random, tiers: number): Problem {
  const devices = Array.from({ length: tiers }, (_, tier) => ({
    name: `tier${tier}`,
    speed: random.pick([0.5, 1, 2]),
    busyWatts: 3 + random.integer(5),
    idleWatts: random.integer(3),
    overheadSeconds: random.integer(3),
  }));
  const links = devices.slice(1).flatMap(({ name }, tier) =>
    between(`tier${tier}`, name, 1 + random.integer(3), random.integer(3))
      .map((link) => ({ ...link, joulesPerBit: random.integer(3) }))
      .filter(({ from }) => from === `tier${tier}` || random.next() < 0.9),
  );
  const names = ["in0", "in1"];
  const nodes = Array.from({ length: tiers === 4 ? 4 : 5 }, (_, node): Sketch["nodes"][number] => {
    const reads = [...new Set([random.pick(names), random.pick(names), random.pick(names)])];
    names.push(`n${node}`);
    return {
      name: `n${node}`,
      reads,
      bytes: random.integer(6),
      seconds: devices.map(() => (random.next() < 0.1 ? null : random.integer(30))),
      ...(random.next() < 0.25 ? { colocation: "together" } : {}),
    };
  });
  return problemOf({
    inputs: { in0: random.integer(6), in1: random.integer(6) },
    nodes,
    outputs: [random.pick(names), `n${nodes.length - 1}`].filter(
      (name, position, all) => all.indexOf(name) === position,
    ),
    devices,
    links,
    sink: random.pick(["anywhere", ...devices.map(({ name }) => name)]),
    objective: random.pick([
      { type: "latency" },
      { type: "energy" },
      { type: "weighted", latency: 1, energySecondsPerJoule: 0.5 },
    ] as const),
    limits: random.next() < 0.2 ? { keepLocal: random.integer(3) } : {},
  });
}
