import fc from "fast-check";
import { expect, test } from "vitest";
import { leastValue } from "../../../test/fixtures/every-placement.ts";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { twoDevices, wayBack } from "../../../test/fixtures/traps.ts";
import { additiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { findLine } from "../line.ts";
import { fromSource } from "../one-way.ts";
import type { Placement, Problem } from "../problem.ts";
import { cutLine, type LineCut } from "./exact-line.ts";
import { cutLineOneWay } from "./one-way-cut.ts";

const reverseArcs: Sketch = { ...twoDevices, ...wayBack };

test("a node runs after all that it reads: 6 one way, 3 with a way back that is paid, never 2", () => {
  const problem = problemOf(reverseArcs);
  expect(cut(problem)).toMatchObject({ placement: [0, 1, 0, 1], bound: 6 });
  expect(cut(problem, cutLine)).toMatchObject({ bound: 3 });
});

test("the answer comes back and is paid for", () => {
  const problem = problemOf({
    inputs: { in: 2 },
    nodes: [{ name: "a", reads: ["in"], bytes: 3, seconds: [100, 1] }],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
    sink: "low",
  });
  expect(cut(problem)).toMatchObject({ placement: [1], bound: 6 });
});

test("an answer that others read further on travels each link once", () => {
  const problem = problemOf({
    inputs: { in: 1 },
    nodes: [
      { name: "a", reads: ["in"], bytes: 4, seconds: [1, null, null] },
      { name: "b", reads: ["a"], bytes: 1, seconds: [null, null, 1] },
      { name: "c", reads: ["a"], bytes: 1, seconds: [null, 1, null] },
    ],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "middle" }, { name: "high" }],
    links: [...between("low", "middle", 1), ...between("middle", "high", 2)],
    sink: "middle",
  });
  expect(cut(problem)).toMatchObject({ placement: [0, 2, 1], bound: 3 + 4 + 8 });
});

test("the line may end at the source", () => {
  const problem = problemOf({ ...reverseArcs, source: "high" });
  expect(cut(problem)).toMatchObject({ placement: [1, 1, 1, 1], bound: 1 });
});

test("no placement is found where a node would have to read what is made further on", () => {
  const problem = problemOf({
    ...reverseArcs,
    nodes: [
      { name: "a", reads: ["in"], bytes: 1, seconds: [null, 1] },
      { name: "b", reads: ["a"], bytes: 1, seconds: [1, null] },
    ],
    outputs: ["b"],
  });
  expect(cut(problem)).toBeNull();
  expect(cut(problem, cutLine)).not.toBeNull();
});

test("no line is cut whose source stands inside", () => {
  const problem = problemOf({
    ...reverseArcs,
    nodes: [{ name: "a", reads: ["in"], bytes: 1, seconds: [1, 1, 1] }],
    outputs: ["a"],
    devices: [{ name: "left" }, { name: "middle" }, { name: "right" }],
    links: [...between("left", "middle", 1), ...between("middle", "right", 1)],
    source: "middle",
  });
  expect(cut(problem)).toBeNull();
});

test("the cut is the best of all one-way placements on one to four devices", () => {
  fc.assert(
    fc.property(lines, (sketch) => {
      const problem = problemOf(sketch);
      const found = cut(problem);
      const best = leastValue(problem, (placement) => isOneWay(problem, placement));
      if (best === null) {
        expect(found).toBeNull();
        return;
      }
      expect(found).not.toBeNull();
      const { placement, bound } = found as LineCut;
      expect(isOneWay(problem, placement)).toBe(true);
      const evaluation = evaluate(problem, placement);
      expect(evaluation.type === "feasible" && evaluation.value).toBeCloseTo(best, 9);
      expect(bound).toBeCloseTo(best, 9);
      expect(bound).toBeLessThanOrEqual(best * (1 + 1e-12));
    }),
    { numRuns: 400 },
  );
});

function cut(problem: Problem, by: typeof cutLine = cutLineOneWay): LineCut | null {
  const line = findLine(problem);
  const costs = additiveCosts(problem);
  if (line === null || costs === null) throw new Error("not a line, or not additive");
  return by(problem, line, costs);
}

function isOneWay(problem: Problem, placement: Placement): boolean {
  const line = findLine(problem);
  const order = (line === null ? null : fromSource(line, problem))?.devices ?? [];
  const positions = placement.map((device) => order.indexOf(device));
  return problem.index.predecessors.every((before, node) =>
    before.every((other) => (positions[other] as number) <= (positions[node] as number)),
  );
}

/** Nodes that read up to three tensors each, on devices with the source at one end. */
const lines: fc.Arbitrary<Sketch> = fc.integer({ min: 1, max: 4 }).chain((count) => {
  const names = Array.from({ length: count }, (_, tier) => `tier${tier}`);
  const devices = fc.tuple(
    ...names.map((name) =>
      fc.record({
        name: fc.constant(name),
        speed: fc.constantFrom(0.5, 1, 2),
        busyWatts: fc.integer({ min: 3, max: 7 }),
        idleWatts: fc.integer({ min: 0, max: 2 }),
        overheadSeconds: fc.integer({ min: 0, max: 2 }),
      }),
    ),
  );
  const ends = [names[0] as string, names.at(-1) as string];
  const node = fc.record({
    reads: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
    bytes: fc.nat(5),
    seconds: fc.tuple(...names.map(() => fc.option(fc.nat(30), { freq: 9 }))),
    grouped: fc.integer({ min: 0, max: 3 }),
  });
  return fc
    .record({
      devices,
      rates: fc.tuple(...names.map(() => fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2)))),
      back: fc.tuple(...names.map(() => fc.integer({ min: 0, max: 9 }))),
      nodes: fc.array(node, { minLength: 1, maxLength: count === 4 ? 4 : 5 }),
      inputs: fc.tuple(fc.nat(5), fc.nat(5)),
      output: fc.nat(20),
      source: fc.constantFrom(...ends),
      sink: fc.constantFrom("anywhere", ...names),
      objective: fc.constantFrom(
        { type: "latency" } as const,
        { type: "energy" } as const,
        { type: "weighted", latency: 1, energySecondsPerJoule: 0.5 } as const,
      ),
      kept: fc.integer({ min: 0, max: 8 }),
    })
    .map(({ rates, back, nodes, inputs, output, source, kept, ...others }) => {
      const made = ["in0", "in1"];
      const sketches = nodes.map(({ reads, grouped, ...node }, position) => {
        const from = [...new Set(reads.map((read) => made[read % made.length] as string))];
        made.push(`n${position}`);
        const colocation = grouped === 0 ? { colocation: "together" } : {};
        return { ...node, name: `n${position}`, reads: from, ...colocation };
      });
      const last = `n${nodes.length - 1}`;
      return {
        ...others,
        inputs: { in0: inputs[0], in1: inputs[1] },
        nodes: sketches,
        outputs: [...new Set([made[output % made.length] as string, last])],
        links: names.slice(1).flatMap((name, tier) => {
          const [rate, latency] = rates[tier] as [number, number];
          const below = names[tier] as string;
          const away = source === names[0] ? below : name;
          return between(below, name, rate, latency).filter(
            ({ from }) => from === away || back[tier] !== 0,
          );
        }),
        source,
        limits: kept < 2 ? { keepLocal: kept } : {},
      };
    });
});
