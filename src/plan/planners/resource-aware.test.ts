import { expect, test } from "vitest";
import { randomQuestion } from "../../../test/conformance/planner-problems.ts";
import { withResources } from "../../../test/conformance/planner-resources.ts";
import { modelledProfile } from "../../../test/fixtures/modelled-profile.ts";
import { smallProblem } from "../../../test/fixtures/small-problem.ts";
import { createRandom } from "../../base/random.ts";
import { readTopology } from "../../cost/topology-file.ts";
import { parseObjective } from "../objective.ts";
import { createProblem, type Limits, type Problem } from "../problem.ts";
import { findCuts } from "./resource-aware/cuts.ts";
import { type Descriptor, describe, excessOf, resources } from "./resource-aware/descriptor.ts";
import { compareScores, rank, scarcest, scoreOf } from "./resource-aware/rank.ts";
import { resourceAware } from "./resource-aware.ts";

const alexnet = modelledProfile("alexnet");
const sides = { device: 0, server: 1 };

/** AlexNet on a camera and a cloud machine, with what the camera has besides. */
function problemOf(camera: string, rest = "bandwidth: 1 Gbit/s", limits: Limits = {}): Problem {
  const [link = "", inputBytes = ""] = rest.split("\n");
  const topology = `
format: partita.topology/1
devices:
  - { name: camera${camera === "" ? "" : `, ${camera}`} }
  - { name: cloud, tier: cloud }
links:
  - { between: [camera, cloud], ${link} }
source: camera
${inputBytes}`;
  return createProblem(alexnet, readTopology(topology), parseObjective("latency"), limits);
}

/** The last node on the device, and how it was chosen. */
function answer(problem: Problem): { last: string; method: string | undefined } {
  const found = resourceAware.plan(problem, { random: createRandom(1) }).next();
  if (found.done !== true || "type" in found.value) throw new Error("no placement");
  const { placement, method } = found.value;
  const last = problem.index.graph.nodes[placement.lastIndexOf(0)]?.name ?? "input";
  return { last, method };
}

test("AlexNet's complexities are those that its layers give on paper", () => {
  const problem = problemOf("");
  const cuts = findCuts(problem, sides);
  const rows = cuts.map(({ nodes, flop, parameterBytes, linkBytes }) => [
    problem.index.graph.nodes[nodes - 1]?.name ?? "input",
    (flop / 1e9).toFixed(4),
    parameterBytes / 4,
    linkBytes,
  ]);
  // With the biases of the convolutions: 64, 192, 384, 256 and 256 parameters.
  expect(rows).toEqual(
    expect.arrayContaining([
      ["input", "0.0000", 0, 602_112],
      ["features.1", "0.1407", 23_232 + 64, 774_400],
      ["features.2", "0.1412", 23_232 + 64, 186_624],
      ["features.5", "0.5895", 330_432 + 256, 129_792],
      ["features.12", "1.3124", 2_468_544 + 1152, 36_864],
      ["classifier.2", "1.3879", 40_221_376 + 1152, 16_384],
      ["classifier.5", "1.4215", 57_002_688 + 1152, 16_384],
      ["classifier.6", "1.4297", 61_099_688 + 1152, 0],
    ]),
  );
  expect(cuts.at(-1)?.flop).toBe(1_429_665_024);
});

test.each([
  // Two fifths of the work fit into the limit, nine tenths would not.
  [
    "compute: 1.43 GFLOP/s",
    "bandwidth: 4 Mbit/s",
    { latencySeconds: 0.7 },
    "features.5",
    "bandwidth",
  ],
  ["compute: 1.43 GFLOP/s, storage: 16 MiB", "bandwidth: 1 Gbit/s", {}, "features.12", "storage"],
  ["compute: 1.43 GFLOP/s", "bandwidth: 1 Gbit/s", {}, "features.2", "compute"],
  [
    "compute: 1.43 GFLOP/s",
    "bandwidth: 1 Gbit/s\ninputBytes: { input: 150528 B }",
    {},
    "features.5",
    "compute",
  ],
  ["", "bandwidth: 1 Mbit/s", {}, "classifier.6", "bandwidth"],
])("with %j, %j and %j AlexNet is cut after %s, by %s", (camera, rest, limits, last, resource) => {
  expect(answer(problemOf(camera, rest, limits))).toEqual({
    last,
    method: `cut by ${resource}, the scarce resource`,
  });
});

test("scarce memory takes the cut that needs the least of it, among those that shrink the input", () => {
  const problem = problemOf("memory: 100 MiB");
  expect(answer(problem)).toEqual({
    last: "features.2",
    method: "cut by memory, the scarce resource",
  });
});

test("a radio that costs more than computing keeps everything at home where energy is asked for", () => {
  const energetic = (joulesPerBit: string): Problem => {
    const problem = problemOf(
      "compute: 10 GFLOP/s, power: { busy: 4 W, idle: 0 W }",
      `bandwidth: 50 Mbit/s, energy: ${joulesPerBit}`,
    );
    return createProblem(problem.profile, problem.topology, parseObjective("energy"));
  };
  expect(answer(energetic("1 uJ/bit"))).toEqual({
    last: "classifier.6",
    method: "cut by energy, the scarce resource",
  });
  expect(answer(energetic("1 nJ/bit")).last).toBe("input");
});

test("where no cut keeps what is stated, the closest one is named with what it lacks", () => {
  const problem = smallProblem({
    nodes: [
      { name: "a", inputs: ["x"], outputs: ["t"], parameterBytes: 30 },
      { name: "b", inputs: ["t"], outputs: ["y"], parameterBytes: 50 },
    ],
    bytes: { x: 4, t: 1, y: 1 },
    outputs: ["y"],
    topology: `
devices:
  - { name: camera, storageBytes: 20 }
  - { name: cloud, storageBytes: 40 }
links: [{ between: [camera, cloud], bandwidth: 8 bit/s }]
source: camera`,
  });
  const found = resourceAware.plan(problem, { random: createRandom(1) }).next();
  expect(found.value).toEqual({
    type: "infeasible",
    reason:
      "none of 3 cuts keeps what the devices state; closest is the one after node 'a': 'camera' would store 30 B, 10 B more than its storage of 20 B",
    witness: { what: "storage", needed: 30, allowed: 20, cut: "a" },
    isProven: false,
  });
});

test("a node of unknown FLOP is named in the refusal", () => {
  const problem = smallProblem({
    nodes: [{ name: "conv1", inputs: ["x"], outputs: ["y"] }],
    bytes: { x: 4, y: 1 },
    outputs: ["y"],
    topology: `
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidth: 8 bit/s }]
source: camera`,
  });
  expect(resourceAware.refuses(problem)).toBe(
    "it decides by FLOP, and those of node 'conv1' (Op) are not known",
  );
});

test("the scarce resource is the one of which most is needed for what there is", () => {
  const scarce = (camera: string, rest?: string, limits?: Limits): string => {
    const problem = problemOf(camera, rest, limits);
    return scarcest(findCuts(problem, sides), describe(problem, sides));
  };
  expect(scarce("compute: 2 GFLOP/s", "bandwidth: 100 Mbit/s")).toBe("compute");
  expect(scarce("compute: 2 GFLOP/s", "bandwidth: 1 Mbit/s")).toBe("bandwidth");
  expect(scarce("compute: 2 GFLOP/s, storage: 200 MiB, memory: 100 MiB")).toBe("memory");
  expect(scarce("compute: 2 GFLOP/s, storage: 100 MiB, memory: 200 MiB")).toBe("storage");
  expect(scarce("storage: 1 GiB", "bandwidth: 1 Mbit/s")).toBe("bandwidth");
  expect(
    scarce(
      "compute: 2 GFLOP/s, storage: 200 MiB, power: { busy: 4 W, idle: 0 W }",
      "bandwidth: 1 Gbit/s",
      { energyJoules: 1 },
    ),
  ).toBe("energy");
});

test("relaxing a limit never raises what a resource makes small", () => {
  let compared = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const kind = { shape: "line", objective: "energy" } as const;
    const { profile, topology, objective } = withResources(
      randomQuestion(seed, kind, { nodes: 7, devices: 2 }),
      seed,
    );
    const problem = createProblem(profile, topology, objective);
    if (resourceAware.refuses(problem) !== null) continue;
    const own = { device: problem.source, server: 1 - problem.source };
    if (problem.devices.length !== 2) continue;
    const cuts = findCuts(problem, own);
    const has = describe(problem, own);
    const random = createRandom(seed);
    const limit = (value: number | null): number => (value ?? 400) * random.next();
    const tight: Descriptor = {
      ...has,
      storageBytes: limit(has.storageBytes),
      memoryBytes: limit(has.memoryBytes),
      latencySeconds: limit(null),
    };
    const loose: Descriptor = { ...tight, [random.pick(["storageBytes", "memoryBytes"])]: null };
    for (const resource of resources) {
      const best = (descriptor: Descriptor) =>
        rank(cuts, descriptor, resource).find(
          (cut) => excessOf(cut, cuts.at(-1) ?? cut, descriptor) === null,
        );
      const [before, after] = [best(tight), best(loose)];
      if (before === undefined) continue;
      compared++;
      const score = scoreOf(cuts, has, resource);
      expect(compareScores(score(after ?? before), score(before))).toBeLessThanOrEqual(0);
      expect(after).toBeDefined();
    }
  }
  expect(compared).toBeGreaterThan(200);
});
