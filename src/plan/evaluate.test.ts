import fc from "fast-check";
import { expect, test } from "vitest";
import { type SmallProblem, smallProblem } from "../../test/fixtures/small-problem.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import type { Infeasible } from "./feasibility.ts";

/** Camera, gateway and cloud in a row; a byte takes a second on each link. */
const row = `
devices: [{ name: camera }, { name: gateway }, { name: cloud }]
links:
  - { between: [camera, gateway], bandwidth: 8 bit/s }
  - { between: [gateway, cloud], bandwidth: 8 bit/s }
source: camera
sink: anywhere`;

/** `a` makes 10 bytes, which `b`, `c` and `d` read. */
const fan: SmallProblem = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["t"] },
    { name: "b", inputs: ["t"], outputs: ["x"] },
    { name: "c", inputs: ["t"], outputs: ["y"] },
    { name: "d", inputs: ["t"], outputs: ["z"] },
  ],
  bytes: { in: 100, t: 10, x: 1, y: 2, z: 4 },
  outputs: ["x", "y", "z"],
  topology: row,
};

function allowed(small: SmallProblem, placement: readonly number[]): Evaluation {
  const found = evaluate(smallProblem(small), placement);
  if (found.type === "infeasible") throw new Error(found.reason);
  return found;
}

function refused(small: SmallProblem, placement: readonly number[]): Infeasible {
  const found = evaluate(smallProblem(small), placement);
  if (found.type === "feasible") throw new Error(`allowed, at ${found.value}`);
  return found;
}

test("charges a tensor once per hop, however many consumers lie behind it", () => {
  expect(allowed(fan, [0, 1, 1, 1]).latencySeconds).toBe(4 + 10);
  expect(allowed(fan, [0, 1, 2, 2]).latencySeconds).toBe(4 + 10 + 10);
  expect(allowed(fan, [0, 0, 0, 2]).latencySeconds).toBe(4 + 10 + 10);
});

test("moves a graph input from the source once to each device that reads it", () => {
  expect(allowed(fan, [2, 2, 2, 2]).latencySeconds).toBe(4 + 100 + 100);
});

test("makes a relay pay as receiver and as sender", () => {
  const small = { ...fan, kind: { overheadSeconds: 3, boundarySecondsPerByte: 0.5 } };
  const found = allowed(small, [0, 0, 0, 2]);
  // camera sends 5; gateway receives 3 + 5 and sends 5; cloud receives 3 + 5.
  expect(found.deviceLoads).toEqual([3 + 5, 3 + 5 + 5, 1 + 3 + 5]);
  expect(found.latencySeconds).toBe(4 + 2 * (10 + 5 + 3 + 5));
});

test("scales a device's own work with its speed", () => {
  const topology = row.replace("{ name: gateway }", "{ name: gateway, speed: 2 }");
  const small = { ...fan, topology, kind: { overheadSeconds: 3, boundarySecondsPerByte: 0.5 } };
  expect(allowed(small, [0, 0, 0, 1]).deviceLoads).toEqual([3 + 5, 0.5 + 1.5 + 2.5, 0]);
});

test("passes the common links once for a consumer and a sink behind it", () => {
  const small: SmallProblem = {
    nodes: [
      { name: "a", inputs: ["in"], outputs: ["t"] },
      { name: "b", inputs: ["t"], outputs: ["x"] },
    ],
    bytes: { in: 1, t: 10, x: 2 },
    outputs: ["t", "x"],
    topology: row.replace("anywhere", "cloud"),
  };
  // t goes camera → gateway (for b) → cloud; x goes gateway → cloud.
  expect(allowed(small, [0, 1]).hops).toHaveLength(3);
  expect(allowed(small, [0, 1]).latencySeconds).toBe(2 + 10 + 10 + 2);
});

test("brings a graph output that is a graph input from the source to the sink", () => {
  const small: SmallProblem = {
    nodes: [{ name: "a", inputs: ["in"], outputs: ["x"] }],
    bytes: { in: 7, x: 1 },
    outputs: ["in", "x"],
    topology: row.replace("anywhere", "gateway"),
  };
  expect(allowed(small, [1]).latencySeconds).toBe(1 + 7);
  expect(allowed(small, [0]).latencySeconds).toBe(1 + 7 + 1);
});

test("leaves a tensor that nobody reads where it is", () => {
  const small = { ...fan, outputs: ["x"], topology: row.replace("anywhere", "camera") };
  expect(allowed(small, [0, 1, 1, 1]).latencySeconds).toBe(4 + 10 + 1);
});

test("takes what inputBytes says on links, and the tensor's bytes in memory", () => {
  const found = allowed({ ...fan, topology: `${row}\ninputBytes: { in: 6 B }` }, [1, 1, 1, 1]);
  expect(found.latencySeconds).toBe(4 + 6);
  expect(found.memoryBytes).toEqual([0, 110, 0]);
});

test("loads links by wire seconds alone, and adds up what shares a medium", () => {
  const own = row.replaceAll("8 bit/s", "8 bit/s, latency: 5 s");
  expect(allowed({ ...fan, topology: own }, [0, 2, 2, 2])).toMatchObject({
    latencySeconds: 4 + 2 * 15,
    periodSeconds: 10,
    bottleneck: { link: ["camera", "gateway"] },
  });
  const air = row.replaceAll("8 bit/s", "8 bit/s, medium: air");
  expect(allowed({ ...fan, topology: air }, [0, 2, 2, 2])).toMatchObject({
    periodSeconds: 20,
    bottleneck: { medium: "air" },
  });
});

test("loads an exclusive device by the whole hop, once", () => {
  const topology = row
    .replace("{ name: gateway }", "{ name: gateway, communication: exclusive }")
    .replaceAll("8 bit/s", "8 bit/s, latency: 5 s");
  const small = { ...fan, topology, kind: { overheadSeconds: 3 } };
  expect(allowed(small, [0, 1, 1, 2]).deviceLoads).toEqual([1, 2 + 18 + 18, 1 + 3]);
});

test("counts a tensor as alive from the first to the last node that touches it", () => {
  const chain: SmallProblem = {
    nodes: [
      { name: "a", inputs: ["in"], outputs: ["s"], parameterBytes: 1000 },
      { name: "b", inputs: ["s"], outputs: ["t"], parameterBytes: 2000 },
      { name: "c", inputs: ["s", "t"], outputs: ["x"], parameterBytes: 4000 },
    ],
    bytes: { in: 1, s: 20, t: 300, x: 5 },
    outputs: ["x"],
    topology: row,
    kind: { overheadBytes: 10_000 },
  };
  // s is alive at a, b and c; t at b and c.
  expect(allowed(chain, [0, 0, 0]).memoryBytes).toEqual([17_000 + 325, 0, 0]);
  // On the gateway t alone is alive at b, after s came in; s stays on the camera for c.
  expect(allowed(chain, [0, 1, 0]).memoryBytes).toEqual([15_000 + 325, 12_000 + 320, 0]);
});

test("adds energy of work, of idling until the answer, and of links", () => {
  const topology = row
    .replace("{ name: camera }", "{ name: camera, power: { busy: 5 W, idle: 1 W } }")
    .replace("{ name: cloud }", "{ name: cloud, power: { busy: 2 W, idle: 2 W } }")
    .replaceAll("8 bit/s", "8 bit/s, energy: 0.5 J/bit");
  const found = allowed({ ...fan, topology, objective: "energy" }, [0, 0, 0, 1]);
  // Latency 14 s: the camera is busy for 3 of them, the cloud idles throughout; 80 bits travel.
  expect(found.value).toBe(3 * 5 + 11 * 1 + 14 * 2 + 40);
  // In a pipeline they idle for a period, here 10 s.
  const period = allowed({ ...fan, topology, objective: "throughput" }, [0, 0, 0, 1]);
  expect(period.energyJoules).toBe(3 * 5 + 7 * 1 + 10 * 2 + 40);
});

test("weighs latency and energy", () => {
  const topology = row.replace(
    "{ name: camera }",
    "{ name: camera, power: { busy: 5 W, idle: 1 W } }",
  );
  const small = { ...fan, topology, objective: "2 · latency + 0.5 s/J · energy" };
  expect(allowed(small, [0, 0, 0, 0]).value).toBe(2 * 4 + 0.5 * 20);
});

test("refuses a pipeline that comes back to a device, and only a pipeline", () => {
  const back: SmallProblem = {
    nodes: [
      { name: "a", inputs: ["in"], outputs: ["s"] },
      { name: "b", inputs: ["s"], outputs: ["t"] },
      { name: "c", inputs: ["t"], outputs: ["x"] },
    ],
    bytes: { in: 1, s: 1, t: 1, x: 1 },
    outputs: ["x"],
    topology: row,
  };
  expect(allowed(back, [0, 1, 0]).latencySeconds).toBe(3 + 2);
  expect(refused({ ...back, objective: "throughput" }, [0, 1, 0]).reason).toContain("pipeline");
});

test("lets answers and graph inputs run against a pipeline", () => {
  const small = { ...fan, objective: "throughput", topology: row.replace("anywhere", "camera") };
  expect(allowed(small, [1, 1, 1, 0]).periodSeconds).toBe(100);
});

test("names node and device where a device cannot run a node", () => {
  const [a, ...others] = fan.nodes;
  const small = {
    ...fan,
    nodes: [{ ...(a as (typeof fan.nodes)[number]), seconds: null }, ...others],
  };
  expect(refused(small, [2, 0, 0, 0]).witness).toEqual({ device: "cloud", node: "a" });
});

test("lets a device without a profile relay and nothing else", () => {
  const topology = row.replace("{ name: gateway }", "{ name: gateway, profile: none }");
  expect(allowed({ ...fan, topology }, [0, 0, 0, 2]).latencySeconds).toBe(4 + 20);
  expect(refused({ ...fan, topology }, [0, 1, 0, 0]).witness).toEqual({
    device: "gateway",
    node: "b",
  });
});

test("names two nodes that must share a device and do not", () => {
  const nodes = fan.nodes.map((node) => (node.name > "b" ? { ...node, colocation: "k" } : node));
  expect(refused({ ...fan, nodes }, [0, 0, 1, 2]).witness).toEqual({ node: "c", other: "d" });
  expect(allowed({ ...fan, nodes }, [0, 0, 1, 1]).type).toBe("feasible");
});

test("names tensor and devices where there is no route", () => {
  const topology = `
devices: [{ name: camera }, { name: cloud }]
links: [{ from: camera, to: cloud, bandwidth: 8 bit/s }]
source: camera
sink: camera`;
  expect(refused({ ...fan, topology }, [1, 1, 1, 1]).witness).toEqual({
    tensor: "x",
    from: "cloud",
    to: "camera",
  });
});

test("says by how much a memory cap or a limit is exceeded", () => {
  const topology = row.replace("{ name: camera }", "{ name: camera, memory: 100 B }");
  expect(refused({ ...fan, topology }, [0, 0, 0, 0])).toMatchObject({
    witness: { device: "camera", neededBytes: 110, memoryBytes: 100 },
    reason: expect.stringContaining("10 B more"),
  });
  expect(refused({ ...fan, limits: { latencySeconds: 3 } }, [0, 0, 0, 0]).witness).toEqual({
    limit: "latency",
    value: 4,
    allowed: 3,
  });
  expect(allowed({ ...fan, limits: { latencySeconds: 4 } }, [0, 0, 0, 0]).value).toBe(4);
});

test("goes through a relay where that is faster than the direct link, by the tensor's size", () => {
  const topology = `
devices: [{ name: a }, { name: b }, { name: c }]
links:
  - { from: a, to: c, bandwidth: 1 bit/s }
  - { from: a, to: b, bandwidth: 8 bit/s, latency: 10 s }
  - { from: b, to: c, bandwidth: 8 bit/s, latency: 10 s }
source: a
sink: anywhere`;
  const at = (bytes: number) =>
    allowed({ ...fan, bytes: { ...fan.bytes, t: bytes }, topology }, [0, 0, 0, 2]).hops.length;
  expect(at(3)).toBe(1);
  expect(at(4)).toBe(2);
});

test("never gets cheaper when a node or a tensor gets dearer", () => {
  const placements = fc.array(fc.nat(2), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(placements, fc.nat(3), fc.nat(50), fc.nat(50), (placement, which, more, bytes) => {
      const before = allowed(fan, placement);
      const nodes = fan.nodes.map((node, at) =>
        at === which ? { ...node, seconds: 1 + more } : node,
      );
      const after = allowed({ ...fan, nodes, bytes: { ...fan.bytes, t: 10 + bytes } }, placement);
      expect(after.latencySeconds).toBeGreaterThanOrEqual(before.latencySeconds);
      expect(after.periodSeconds).toBeGreaterThanOrEqual(before.periodSeconds);
    }),
  );
});
