import { expect, test } from "vitest";
import { randomQuestion } from "../../test/conformance/planner-problems.ts";
import { evaluate } from "./evaluate.ts";
import { createProblem } from "./problem.ts";
import { problemDocument, readProblem } from "./problem-file.ts";

const objectives = ["latency", "energy", "weighted", "throughput"] as const;

test.each(objectives)(
  "a written problem of %s is read back as it was, with its seed",
  (objective) => {
    for (let seed = 1; seed <= 40; seed++) {
      const shape = seed % 2 === 0 ? "line" : "mesh";
      const asked = randomQuestion(seed, { shape, objective }, { nodes: 6, devices: 3 });
      const problem = createProblem(asked.profile, asked.topology, asked.objective, asked.limits);
      const written = JSON.stringify(problemDocument(problem, seed));
      const read = readProblem(written);
      expect(read.seed).toBe(seed);
      expect(problemDocument(read.problem, seed)).toEqual(problemDocument(problem, seed));
      const placement = problem.index.graph.nodes.map((_, node) => node % problem.devices.length);
      expect(evaluate(read.problem, placement)).toEqual(evaluate(problem, placement));
    }
  },
);

const document = `
format: partita.problem/1
profile:
  format: partita.profile/1
  graph:
    name: one
    inputs: [x]
    outputs: [y]
    tensors:
      - { name: x, dataType: uint8, shape: [4], bytes: 4 }
      - { name: y, dataType: uint8, shape: [1], bytes: 1 }
    nodes:
      - { name: n, operator: Op, inputs: [x], outputs: [y], flop: 8, parameterBytes: 2 }
  devices:
    machine: { nodeSeconds: [0.5], overheadSeconds: 0, boundarySecondsPerByte: 0 }
topology:
  format: partita.topology/1
  devices: [{ name: camera, memory: 1 KiB }]
  source: camera
objective: latency
`;

test("a problem may be written by hand, as YAML with units, limits and seed left out", () => {
  const { problem, seed } = readProblem(document);
  expect(seed).toBe(1);
  expect(problem.limits).toEqual({});
  expect(problem.devices[0]?.memoryBytes).toBe(1024);
  expect(evaluate(problem, [0])).toMatchObject({ type: "feasible", value: 0.5 });
});

test.each([
  ["objective: latency", "", "PROBLEM_INVALID", "p.yaml:2: objective"],
  ["objective: latency", "objective: beauty", "USAGE_INVALID", '"beauty" is unknown'],
  ["1 KiB", "1", "TOPOLOGY_INVALID", "p.yaml: topology: devices.0.memory"],
  ["nodeSeconds: [0.5]", "nodeSeconds: []", "PROFILE_INVALID", "p.yaml: profile: devices.machine"],
  ["objective: latency", "objective: latency\nhurry: yes", "PROBLEM_INVALID", '"hurry"'],
])("with %j changed to %j it is %s", (found, put, code, words) => {
  const text = document.replace(found, put);
  const outcome = outcomeOf(() => readProblem(text, "p.yaml"));
  expect(outcome.code).toBe(code);
  expect(outcome.message).toContain(words);
});

function outcomeOf(read: () => unknown): { code: string; message: string } {
  try {
    read();
    return { code: "none", message: "" };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
}
