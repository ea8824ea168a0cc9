import { expect, test } from "vitest";
import { between, type NodeSketch, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { cic } from "./cic.ts";

const pair = {
  devices: [{ name: "phone" }, { name: "server" }],
  links: between("phone", "server", 1),
};

const node = (
  name: string,
  reads: readonly string[],
  bytes: number,
  [phone, server]: readonly [number | null, number | null] = [2, 1],
): NodeSketch => ({ name, reads, bytes, seconds: [phone, server] });

test("the smallest example that goes wrong without arcs that forbid return costs 6", () => {
  const problem = problemOf({
    ...pair,
    inputs: { in: 10 },
    nodes: [
      node("q", ["in"], 1, [0, 0]),
      node("a", ["in"], 4, [1, 1]),
      node("c", ["q"], 1, [100, 0]),
      node("w", ["a", "c"], 0, [0, 0]),
    ],
    outputs: ["w"],
  });
  expect(answer(problem)).toMatchObject({ value: 6, placement: [0, 0, 1, 1], bound: null });
});

test("where return flow pays, the best one-way placement costs 10 and nothing more is claimed", () => {
  const problem = problemOf({
    ...pair,
    inputs: { in: 10 },
    nodes: [
      node("a", ["in"], 1, [0, 0]),
      node("x", ["a"], 1, [20, 0]),
      node("u", ["in"], 10, [0, 0]),
      node("w", ["x", "u"], 0, [0, 0]),
    ],
    outputs: ["w"],
  });
  expect(answer(problem)).toMatchObject({ value: 10, bound: null });
});

test("on a chain the answer is proven against all placements", () => {
  const problem = problemOf({ ...chain(), sink: "anywhere" });
  expect(answer(problem)).toMatchObject({ value: 8, placement: [0, 1, 1], bound: 8 });
  expect(answer(problem)).toHaveProperty("method", "splitting model of 2 groups for 3 nodes");
});

test("with a latency for each tensor, fewer bytes in more tensors do not count as less", () => {
  const nodes = [
    node("x", ["in"], 60, [1, 0]),
    node("p", ["x"], 20, [0, 0]),
    node("q", ["x"], 20, [0, 0]),
    node("u", ["p", "q"], 45, [0, 0]),
    node("y", ["u"], 90, [900, 0]),
  ];
  const at = (latency: number) =>
    answer(
      problemOf({
        ...pair,
        inputs: { in: 100 },
        nodes,
        outputs: ["y"],
        links: between("phone", "server", 1, latency),
      }),
    );
  expect(at(0)).toMatchObject({ value: 41, placement: [0, 0, 0, 1, 1] });
  expect(at(10)).toMatchObject({ value: 56, placement: [0, 0, 0, 0, 1] });
});

test("a node that is faster on the phone is named", () => {
  const nodes = [...chain().nodes, node("late", ["c"], 1, [1, 1.5])];
  const problem = problemOf({ ...chain(), nodes, outputs: ["late"] });
  expect(cic.refuses(problem)).toMatch(/'late'.*'server' than on 'phone'/);
});

test("every problem with one node faster on the phone is refused", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = createRandom(seed);
    const nodes = Array.from({ length: 6 }, (_, position) => {
      const server = random.integer(9);
      const reads = position === 0 ? ["in"] : [`n${random.integer(position)}`];
      return node(`n${position}`, reads, 1 + random.integer(9), [
        server + random.integer(5),
        server,
      ]);
    });
    const faster = random.integer(6);
    const spoilt = nodes.map((own, position) =>
      position === faster ? { ...own, seconds: [1, 2] } : own,
    );
    const sketch = { ...pair, inputs: { in: 9 }, nodes, outputs: ["n5"] };
    expect(cic.refuses(problemOf(sketch)), `seed ${seed}`).toBeNull();
    expect(cic.refuses(problemOf({ ...sketch, nodes: spoilt })), `seed ${seed}`).toContain(
      `'n${faster}'`,
    );
  }
});

test.each<[string, Partial<Sketch>, RegExp]>([
  ["three devices", threeDevices(), /two devices.*there are 3/],
  ["one device", { devices: [{ name: "phone" }], links: [] }, /two devices.*there is 1/],
  ["a limit", { limits: { latencySeconds: 9 } }, /limit/],
  ["privacy", { limits: { keepLocal: 1 } }, /privacy/],
  [
    "a server too small for everything",
    { devices: [{ name: "phone" }, { name: "server", memoryBytes: 5 }] },
    /everything on it, device 'server'/,
  ],
])("is refused: %s", (_, change, reason) => {
  expect(cic.refuses(problemOf({ ...chain(), ...change }))).toMatch(reason);
});

test("a phone that holds only some nodes keeps the best cut that fits", () => {
  const heavy = chain().nodes.map((own) => ({ ...own, parameterBytes: 50 }));
  const onPhone = (memoryBytes: number) => {
    const devices = [{ name: "phone", memoryBytes }, { name: "server" }];
    return answer(problemOf({ ...chain(), nodes: heavy, devices }));
  };
  expect(onPhone(1000)).toMatchObject({ value: 8, placement: [0, 1, 1] });
  expect(onPhone(40)).toMatchObject({ value: 13, placement: [1, 1, 1] });
});

test("the throughput is answered while the server is not the bottleneck, else refused", () => {
  const objective = { type: "throughput" } as const;
  expect(answer(problemOf({ ...chain(), objective }))).toMatchObject({
    value: 4,
    placement: [0, 1, 1],
    bound: null,
  });
  const slow = chain().nodes.map((own) => ({ ...own, seconds: [2, 2] }));
  const problem = problemOf({ ...chain(), nodes: slow, links: fast(), objective });
  expect(cic.refuses(problem)).toMatch(/bound by 'server'/);
});

test("where no device can run a node, nothing is claimed to be possible", () => {
  const nodes = [...chain().nodes, node("late", ["c"], 1, [null, null])];
  const problem = problemOf({ ...chain(), nodes, outputs: ["late"] });
  expect(cic.refuses(problem)).toBeNull();
  expect(answer(problem)).toMatchObject({
    type: "infeasible",
    reason: expect.stringContaining("'late'"),
  });
});

/** 10, 4, 12 and 2 bytes; 2, 5 and 9 s on the phone, 1 s each on the server. */
function chain(): Sketch {
  return {
    ...pair,
    inputs: { in: 10 },
    nodes: [node("a", ["in"], 4), node("b", ["a"], 12, [5, 1]), node("c", ["b"], 2, [9, 1])],
    outputs: ["c"],
  };
}

function fast(): Sketch["links"] {
  return between("phone", "server", 0.125);
}

function threeDevices(): Partial<Sketch> {
  return {
    devices: [{ name: "phone" }, { name: "gateway" }, { name: "server" }],
    links: [...between("phone", "gateway", 1), ...between("gateway", "server", 1)],
  };
}

function answer(problem: Problem): Incumbent | Infeasible {
  expect(cic.refuses(problem)).toBeNull();
  const steps = cic.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
