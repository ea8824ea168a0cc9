import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { readAnswer } from "./foreign-answer.ts";

/** Camera 2 s a node, cloud 1 s; a byte takes 1 s on the link. */
const problem = smallProblem({
  nodes: [
    { name: "a", inputs: ["x"], outputs: ["t"], parameterBytes: 3 },
    { name: "b", inputs: ["t"], outputs: ["y"], parameterBytes: 3 },
  ],
  bytes: { x: 4, t: 1, y: 1 },
  outputs: ["y"],
  topology: `
devices:
  - { name: camera, speed: 0.5 }
  - { name: cloud, memoryBytes: 7 }
links:
  - { between: [camera, cloud], bandwidth: 8 bit/s }
source: camera
sink: anywhere`,
});
const placement = { a: "camera", b: "cloud" };

test("a bare placement is enough: its value is what evaluate says, and nothing is proven", () => {
  expect(readAnswer(problem, { placement }, "p")).toEqual({
    placement: [0, 1],
    value: 4,
    bound: null,
  });
});

test("bounds, guarantees and whatever else a stranger writes are not believed", () => {
  const boast = { placement, bound: 4, gap: 0, guarantee: "optimal", mood: "good", method: "luck" };
  expect(readAnswer(problem, boast, "p")).toMatchObject({ bound: null, method: "luck" });
});

test("claims that hold are taken, all or some of them", () => {
  const claimed = { latencySeconds: 4, periodSeconds: 2, memoryBytes: { cloud: 5 } };
  const transfers = [{ tensor: "t", from: "camera", to: "cloud", bytes: 1, seconds: 1 }];
  const answer = {
    placement,
    claimed,
    transfers,
    objective: "latency",
    alternatives: { camera: 4 },
  };
  expect(readAnswer(problem, answer, "p")).toMatchObject({ value: 4 });
});

test("words of a stranger are shown on one line, without what moves a cursor, and not endless", () => {
  const method = `\u001b[31mred\nalert ${"z".repeat(1000)}`;
  const found = readAnswer(problem, { placement, method }, "p");
  expect(found).toHaveProperty("method", expect.stringMatching(/^\[31mred alert z{300,399}…$/));
  expect(readAnswer(problem, { infeasible: "too\r\nlittle\u202e" }, "p")).toHaveProperty(
    "reason",
    "p says: too little",
  );
});

test.each([
  [{ placement, infeasible: "no" }, 'it has both "placement" and "infeasible"'],
  [{ placement: { a: "camera" } }, "node 'b' nowhere"],
  [{ placement: { a: "camera", b: "moon" } }, "'moon', which the topology lacks"],
  [{ placement: { ...placement, c: "cloud" } }, "node 'c', which the graph lacks"],
  [
    { placement, transfers: [{ tensor: "t", from: "camera", to: "cloud", codec: "rot13" }] },
    "with 'rot13'",
  ],
])("what is wrong with an answer is said with its author: %j", (answer, words) => {
  expect(() => readAnswer(problem, answer, "planner 'p'")).toThrow(
    expect.objectContaining({
      code: "PLAN_INVALID",
      message: expect.stringMatching(new RegExp(`^planner 'p': .*${words}`)),
    }),
  );
});

test("no plan is an answer, without being a proof", () => {
  expect(readAnswer(problem, { infeasible: "too little memory" }, "planner 'p'")).toEqual({
    type: "infeasible",
    reason: "planner 'p' says: too little memory",
    witness: {},
    isProven: false,
  });
});

test.each([
  [{ placement, claimed: { latencySeconds: 3.9 } }, "claimed.latencySeconds = 3.9, but it is 4"],
  [
    { placement, claimed: { memoryBytes: { cloud: 6 } } },
    "claimed.memoryBytes.cloud = 6, but it is 5",
  ],
  [
    { placement, claimed: { memoryBytes: { moon: 1 } } },
    "claimed.memoryBytes.moon = 1, which there is not",
  ],
  [{ placement, claimed: { hours: 1 } }, 'Unrecognized key: "hours"'],
  [{ placement, alternatives: { cloud: 5 } }, "alternatives.cloud = 5, which there is not"],
  [
    { placement, transfers: [{ tensor: "t", from: "camera", to: "cloud", bytes: 2 }] },
    "transfer of 't' camera → cloud.bytes = 2, but it is 1",
  ],
  [
    { placement, transfers: [{ tensor: "x", from: "camera", to: "cloud" }] },
    "which its placement does not cause",
  ],
  [{ placement, objective: "energy" }, 'it is for objective "energy", asked was "latency"'],
  [{ placement, graphSha256: "0" }, "it is for another graph"],
  [{ placement: { a: "camera" } }, "places node 'b' nowhere"],
  [{ placement: { ...placement, c: "cloud" } }, "places node 'c', which the graph lacks"],
  [{ placement: { ...placement, b: "moon" } }, "on 'moon', which the topology lacks"],
  [{ placement: { a: "cloud", b: "cloud" } }, "not allowed: device 'cloud' would need 11 B"],
  [{}, 'neither "placement"'],
  [["camera"], "the answer: "],
])("%j is refused", (answer, words) => {
  expect(() => readAnswer(problem, answer, "planner 'p'")).toThrow(
    expect.objectContaining({ code: "PLAN_INVALID", message: expect.stringContaining(words) }),
  );
});
