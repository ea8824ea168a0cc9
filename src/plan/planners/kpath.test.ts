import { expect, test } from "vitest";
import { problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { bytes } from "../../base/units.ts";
import type { Planner } from "../planner.ts";
import { createProblem, type Problem } from "../problem.ts";
import { greedy } from "./greedy.ts";
import { partition } from "./kpath/parts.ts";
import { kpath } from "./kpath.ts";
import { kpathPublished } from "./kpath-published.ts";

/** Four nodes of 100 bytes of parameters on four devices, that from 2 to 3 the fastest link. */
function fourDevices(memoryBytes: number, others: Partial<Sketch> = {}): Problem {
  const names = ["0", "1", "2", "3"];
  const pairs = names.flatMap((from) => names.map((to) => [from, to] as const));
  return problemOf({
    inputs: { in: 10 },
    nodes: [node("a", "in", 10), node("b", "a", 40), node("c", "b", 10), node("d", "c", 10)],
    outputs: ["d"],
    devices: names.map((name) => ({ name, memoryBytes })),
    links: pairs
      .filter(([from, to]) => from !== to)
      .map(([from, to]) => ({ from, to, secondsPerByte: from === "2" && to === "3" ? 1 : 2 })),
    objective: { type: "throughput" },
    ...others,
  });
}

function node(name: string, reads: string, size: number): Sketch["nodes"][number] {
  return { name, reads: [reads], bytes: size, seconds: [0, 0, 0, 0], parameterBytes: 100 };
}

function answer(planner: Planner, problem: Problem) {
  const steps = planner.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

test.each([kpath, greedy])(
  "$name: the cut of one small tensor, over the fastest link",
  (planner) => {
    // With room for three nodes there is one cut, behind a or c, of 10 bytes each.
    expect(answer(planner, fourDevices(360))).toMatchObject({ placement: [2, 3, 3, 3], value: 20 });
    // With room for two nodes b and c stay together, since 40 bytes would cross between them.
    const result = answer(planner, fourDevices(260));
    const [a, b, c, d] = "placement" in result ? result.placement : [];
    expect(b).toBe(c);
    expect(new Set([a, b, d])).toHaveProperty("size", 3);
  },
);

test.each([kpath, greedy])("$name: what fits one part goes on one device", (planner) => {
  expect(answer(planner, fourDevices(1000))).toMatchObject({ placement: [0, 0, 0, 0], value: 0 });
});

test("as published, parameters count a quarter, and the plan needs more memory than there is", () => {
  const result = answer(kpathPublished, fourDevices(260));
  expect(result).toMatchObject({
    reason:
      "no placement of the 2 parts that was tried is allowed: device '3' would need 350 B, 90 B more than its memory of 260 B",
    isProven: false,
  });
  expect(answer(kpath, fourDevices(260))).toHaveProperty("value");
});

test("as published, classes span the input and the output too", () => {
  const rangeOf = (size: number, rules: "published" | "mended") =>
    partition(fourDevices(260, { inputs: { in: size } }), [0, 1, 2, 3], rules)?.range;
  expect(rangeOf(100, "mended")).toEqual([10, 40]);
  const [least, most] = rangeOf(10, "published") ?? [];
  expect(least).toBe(0);
  expect(rangeOf(100, "published")).toEqual([0, (most as number) * 2.5]);
});

test.each([kpath, greedy])("$name: more parts than devices are a failure", (planner) => {
  const problem = fourDevices(160);
  const three = createProblem(
    problem.profile,
    {
      ...problem.topology,
      devices: problem.devices.slice(0, 3),
      links: problem.topology.links.filter(({ from, to }) => from !== "3" && to !== "3"),
    },
    problem.objective,
  );
  expect(answer(planner, three)).toMatchObject({
    type: "infeasible",
    reason: "the parts of least total transfer are 4, and 3 devices can run them",
    isProven: false,
  });
});

test.each([kpath, greedy])("$name: a node that fits no device is a failure", (planner) => {
  expect(answer(planner, fourDevices(100))).toMatchObject({
    reason: "what is between two cuts that one tensor crosses fits no device",
  });
});

test.each([kpath, greedy])("$name: a device that cannot run every node is left out", (planner) => {
  const problem = fourDevices(360);
  const kinds = { ...problem.profile.devices };
  const unable = kinds["2"];
  if (unable === undefined) throw new Error("no device 2");
  kinds["2"] = { ...unable, nodeSeconds: [null, ...unable.nodeSeconds.slice(1)] };
  const profile = { ...problem.profile, devices: kinds };
  const result = answer(planner, createProblem(profile, problem.topology, problem.objective));
  expect("placement" in result && result.placement).not.toContain(2);
});

test("what the runtime takes by itself counts in every part", () => {
  const problem = fourDevices(360);
  const devices = Object.fromEntries(
    Object.entries(problem.profile.devices).map(([name, kind]) => [
      name,
      { ...kind, overheadBytes: bytes(60) },
    ]),
  );
  const { topology, objective } = problem;
  const result = answer(kpath, createProblem({ ...problem.profile, devices }, topology, objective));
  expect(new Set("placement" in result ? result.placement : [])).toHaveProperty("size", 3);
});
