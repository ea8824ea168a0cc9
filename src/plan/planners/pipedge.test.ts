import { expect, test } from "vitest";
import { problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { createProblem, type Problem } from "../problem.ts";
import { pipedge } from "./pipedge.ts";

/** Four nodes of 4 s at speed 1 and 100 bytes of parameters, with tensors of 2 bytes. */
function fourNodes(speeds: readonly number[], others: Partial<Sketch> = {}): Problem {
  const names = speeds.map((_, device) => `${device}`);
  const pairs = names.flatMap((from) => names.map((to) => [from, to] as const));
  return problemOf({
    inputs: { in: 2 },
    nodes: ["a", "b", "c", "d"].map((name, position, all) => ({
      name,
      reads: [all[position - 1] ?? "in"],
      bytes: 2,
      seconds: names.map(() => 4),
      parameterBytes: 100,
    })),
    outputs: ["d"],
    devices: speeds.map((speed, device) => ({ name: `${device}`, speed })),
    links: pairs
      .filter(([from, to]) => from !== to)
      .map(([from, to]) => ({ from, to, secondsPerByte: 0.5 })),
    objective: { type: "throughput" },
    ...others,
  });
}

function answer(problem: Problem) {
  const steps = pipedge.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

test("faster devices have more of the nodes, and a slow one is left out", () => {
  const bestAmong = "chains-of-pieces";
  const two = answer(fourNodes([1, 3]));
  expect(two).toMatchObject({ value: 4, bestAmong });
  expect("placement" in two && two.placement.filter((device) => device === 1)).toHaveLength(3);
  const result = answer(fourNodes([1, 3, 0.1]));
  expect(result).toMatchObject({ value: 4, bestAmong });
  expect("placement" in result && result.placement).not.toContain(2);
});

test("everything stays on one device where links are slower than all of the work", () => {
  const links = [
    { from: "0", to: "1", secondsPerByte: 20 },
    { from: "1", to: "0", secondsPerByte: 20 },
  ];
  const bestAmong = "chains-of-pieces";
  expect(answer(fourNodes([1, 1], { links }))).toMatchObject({
    placement: [0, 0, 0, 0],
    value: 16,
    bestAmong,
  });
});

test("memory decides how far a run goes, whatever the speed", () => {
  const devices = [
    { name: "0", speed: 1 },
    { name: "1", speed: 100, memoryBytes: 220 },
  ];
  expect(answer(fourNodes([1, 100], { devices }))).toMatchObject({ value: 8 });
});

test("too many sets of devices are refused with their number", () => {
  const speeds = Array.from({ length: 20 }, (_, device) => 1 + device / 100);
  expect(pipedge.refuses(fourNodes(speeds))).toBe(
    "it keeps a state for each set of devices: 20 kinds of devices and 4 pieces make 104,857,600, and it takes up to 10,000,000",
  );
  const { profile, topology, objective } = fourNodes(speeds);
  const devices = topology.devices.map((device) => ({ ...device, profile: "0", speed: 1 }));
  const alike = createProblem(profile, { ...topology, devices }, objective);
  expect(pipedge.refuses(alike)).toBeNull();
  expect(answer(alike)).toMatchObject({ value: 4, bestAmong: "chains-of-pieces" });
});

test("no class is said where loads meet that the table keeps apart, unless that does no harm", () => {
  const onAir = (problem: Problem): Problem => ({
    ...problem,
    topology: {
      ...problem.topology,
      links: problem.topology.links.map((link) => ({ ...link, medium: "air" })),
    },
  });
  const fast = answer(onAir(fourNodes([1, 1])));
  expect(fast).toMatchObject({ value: 8, bestAmong: "chains-of-pieces" });
  // Over links of their own four devices would take 4 s; on one medium three hops take 12 s.
  const links = [0, 1, 2, 3].flatMap((from) =>
    [0, 1, 2, 3]
      .filter((to) => to !== from)
      .map((to) => ({ from: `${from}`, to: `${to}`, secondsPerByte: 2 })),
  );
  const four = fourNodes([1, 1, 1, 1], { links });
  expect(answer(four)).toMatchObject({ value: 4, bestAmong: "chains-of-pieces" });
  const shared = answer(onAir(four));
  expect(shared).toMatchObject({ value: 8 });
  expect(shared).not.toHaveProperty("bestAmong");
});
