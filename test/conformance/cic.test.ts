import { expect, test } from "vitest";
import { cic } from "../../src/plan/planners/cic.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, type PlannerException, plannerConformance, toProblem } from "./planner.ts";
import type { Question } from "./planner-oracle.ts";
import { allClasses, randomQuestion } from "./planner-problems.ts";

/** All that it refuses, by what it says. */
const exceptions: readonly PlannerException[] = [
  ["it decides between a source and one other device", /two devices that are linked/],
  ["it has no link to the other device", /has no link to the next/],
  ["limits and privacy may forbid what it merges", /a limit or privacy/],
  ["nodes that share a device would have to be merged first", /must share a device/],
  ["a node may cost more on the server", /may cost more on '/],
  ["the server's memory may not hold what moves there", /with everything on it/],
  ["a graph input that is an answer travels whatever is cut", /graph input that is an answer/],
  ["answers of several nodes come back from some cuts only", /may travel back from some cuts/],
  ["which codec a tensor has depends on the state", /which codec/],
  ["the server may be the bottleneck of a pipeline", /is bound by '/],
].map(([reason, pattern]) => ({
  reason: reason as string,
  refuses: (problem: Problem) => (pattern as RegExp).test(cic.refuses(problem) ?? ""),
}));

/** So that most questions are answered: no node slower on the server, and few limits. */
function adapt(question: Question, seed: number): Question {
  const { profile, topology } = question;
  const [first, second] = topology.devices;
  if (first === undefined || second === undefined || topology.devices.length > 2) return question;
  const kinds = [first, second].map((device) => ({
    device,
    kind: profile.devices[device.profile ?? "kind0"] ?? profile.devices["kind0"],
  }));
  const secondsOf = (node: number): (number | null)[] =>
    kinds
      .map(({ device, kind }) => {
        const seconds = kind?.nodeSeconds[node] ?? null;
        return seconds === null ? null : seconds / device.speed;
      })
      .sort((a, b) => (b ?? Number.POSITIVE_INFINITY) - (a ?? Number.POSITIVE_INFINITY));
  const devices = Object.fromEntries(
    kinds.map(({ device, kind }) => {
      const rank = device.name === topology.source ? 0 : 1;
      const nodeSeconds = profile.graph.nodes.map((_, node) => {
        const seconds = secondsOf(node)[rank] ?? null;
        return seconds === null ? null : seconds * device.speed;
      });
      return [device.name, { ...kind, nodeSeconds }];
    }),
  ) as Question["profile"]["devices"];
  const isPlain = seed % 8 !== 0;
  const nodes = profile.graph.nodes.map(({ colocation, ...node }) =>
    isPlain || colocation === undefined ? node : { ...node, colocation },
  );
  const server = topology.devices.find(({ name }) => name !== topology.source);
  return {
    ...question,
    profile: { ...profile, graph: { ...profile.graph, nodes }, devices },
    topology: {
      ...topology,
      devices: topology.devices.map((device) => ({
        ...device,
        profile: device.name,
        memoryBytes: isPlain && device === server ? null : device.memoryBytes,
        busyWatts: isPlain ? first.busyWatts : device.busyWatts,
        idleWatts: isPlain ? first.idleWatts : device.idleWatts,
      })),
      sink: isPlain && profile.graph.outputs.length > 1 ? "anywhere" : topology.sink,
    },
    limits: isPlain ? {} : question.limits,
  };
}

const suite = { problems: longRun ? 4000 : 400, nodes: 7, devices: 2, exceptions, adapt } as const;

plannerConformance(cic, { ...suite, codecs: false });
plannerConformance(cic, { problems: longRun ? 400 : 48, nodes: 5, devices: 3, exceptions });

test("most questions of the suite are answered, whatever the objective", () => {
  for (const kind of allClasses) {
    let answered = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const question = randomQuestion(seed, kind, { ...suite, codecs: false });
      if (cic.refuses(toProblem(adapt(question, seed))) === null) answered++;
    }
    const least = kind.objective === "throughput" ? 3 : 25;
    expect(answered, JSON.stringify(kind)).toBeGreaterThan(least);
  }
});
