/** Latency problems with memory caps: networks of the zoo and random graphs, on lines and meshes. */
import { createRandom, type Random } from "../dist/base/random.js";
import { bitsPerSecond, bytes, flop, seconds } from "../dist/base/units.js";
import { plainDevice, plainLinks } from "../dist/cost/plain-topology.js";
import type { Profile } from "../dist/cost/profile.js";
import type { Topology } from "../dist/cost/topology.js";
import type { Graph } from "../dist/graph/graph.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { drawGraph } from "../dist/zoo/graph.js";
import type { ZooName } from "../dist/zoo/zoo.js";

export interface BenchProblem {
  readonly graph: string;
  readonly topology: string;
  /** Memory of each device as a part of all parameters, beside room for the largest tensors. */
  readonly caps: string;
  readonly problem: Problem;
}

/** A core that does 20 GFLOP/s and moves 10 GB/s. */
const machine = { flopPerSecond: 20e9, bytesPerSecond: 10e9 };

type Device = Topology["devices"][number];
type Link = Topology["links"][number];

export function additiveProblems(): BenchProblem[] {
  const networks: readonly ZooName[] = [
    "mobilenetv2",
    "resnet50",
    "bert",
    "inceptionv4",
    "densenet121",
  ];
  return [
    ...networks.flatMap((name) => {
      const graph = drawGraph(name);
      return [line(graph), mesh(graph, [0.3, 0.35, 0.4, 0.45])];
    }),
    manyDevices(drawGraph("resnet50"), 20),
    manyDevices(drawGraph("resnet50"), 50),
    mesh(randomGraph(40), [0.5, 0.5, 0.5, 0.5]),
  ];
}

function line(graph: Graph): BenchProblem {
  const parts = [0.25, 0.4, 0.6];
  const speeds = [0.1, 0.5, 1];
  const devices = ["camera", "gateway", "cloud"].map((name, at) =>
    device(graph, name, speeds[at] as number, parts[at] as number),
  );
  const links = [
    ...both("camera", "gateway", 40e6, 0.002),
    ...both("gateway", "cloud", 20e6, 0.015),
  ];
  return {
    graph: graph.name,
    topology: "3 tiers in a line",
    caps: parts.join(", "),
    problem: problemOf(graph, devices, links),
  };
}

function mesh(graph: Graph, parts: readonly number[]): BenchProblem {
  const names = ["a", "b", "c", "d"];
  const speeds = [0.25, 0.5, 1, 1.5];
  const rates = [100e6, 40e6, 20e6, 60e6, 30e6, 50e6];
  const pairs = names.flatMap((from, at) => names.slice(at + 1).map((to) => [from, to] as const));
  return {
    graph: graph.name,
    topology: "4 devices, all linked",
    caps: parts.join(", "),
    problem: problemOf(
      graph,
      names.map((name, at) => device(graph, name, speeds[at] as number, parts[at] as number)),
      pairs.flatMap(([from, to], at) => both(from, to, rates[at] as number, 0.002)),
    ),
  };
}

function manyDevices(graph: Graph, count: number): BenchProblem {
  const random = createRandom(3);
  const devices = Array.from({ length: count }, (_, at) =>
    device(graph, `d${at}`, 0.2 + 1.3 * random.next(), 0.15 + 0.3 * random.next()),
  );
  const links = devices.flatMap(({ name }, at) =>
    devices
      .slice(at + 1)
      .flatMap((other) => both(name, other.name, 10e6 + 90e6 * random.next(), 0.002)),
  );
  return {
    graph: graph.name,
    topology: `${count} devices, all linked`,
    caps: "0.15 to 0.45",
    problem: problemOf(graph, devices, links),
  };
}

function device(graph: Graph, name: string, speed: number, part: number): Device {
  const parameters = graph.nodes.reduce((sum, node) => sum + node.parameterBytes, 0);
  const largest = Math.max(...graph.tensors.map((tensor) => tensor.bytes));
  const memoryBytes = bytes(Math.round(part * parameters + 2 * largest));
  return plainDevice({ name, speed, memoryBytes });
}

function both(a: string, b: string, rate: number, latency: number): Link[] {
  return plainLinks(a, b, bitsPerSecond(rate), seconds(latency));
}

function problemOf(graph: Graph, devices: readonly Device[], links: readonly Link[]): Problem {
  const source = devices[0]?.name ?? "";
  return createProblem(
    profileOf(graph),
    { format: "partita.topology/1", devices, links, source, sink: source, inputBytes: {} },
    { type: "latency" },
  );
}

function profileOf(graph: Graph): Profile {
  const sizes = new Map(graph.tensors.map((tensor) => [tensor.name, tensor.bytes as number]));
  const nodeSeconds = graph.nodes.map(({ inputs, outputs, flop: work, parameterBytes }) => {
    const moved = [...inputs, ...outputs].reduce(
      (sum, name) => sum + (sizes.get(name) ?? 0),
      parameterBytes as number,
    );
    const busy = Math.max((work ?? 0) / machine.flopPerSecond, moved / machine.bytesPerSecond);
    return seconds(Math.round(1e9 * (busy + 5e-6)) / 1e9);
  });
  const overhead = {
    overheadSeconds: seconds(5e-5),
    boundarySecondsPerByte: 3e-10 as Profile["devices"][string]["boundarySecondsPerByte"],
    overheadBytes: bytes(0),
  };
  return { format: "partita.profile/1", graph, devices: { core: { nodeSeconds, ...overhead } } };
}

/** Every node reads up to three of all before it, so that most tensors stay alive for long. */
function randomGraph(count: number): Graph {
  const random = createRandom(1);
  const names = ["input", ...Array.from({ length: count }, (_, node) => `t${node}`)];
  return {
    name: `random-${count}`,
    inputs: ["input"],
    outputs: [`t${count - 1}`],
    tensors: names.map((name) => {
      const size = bytes(20_000 + random.integer(200_000));
      return { name, dataType: "uint8", shape: [size], bytes: size };
    }),
    nodes: Array.from({ length: count }, (_, node) => ({
      name: `n${node}`,
      operator: "Op",
      inputs: readsOf(random, node),
      outputs: [`t${node}`],
      flop: flop(2e7 * (1 + random.integer(30))),
      parameterBytes: bytes(100_000 * random.integer(30)),
    })),
  };
}

function readsOf(random: Random, node: number): string[] {
  const reads = [0, 1, 2].map(() => random.integer(node + 1));
  return [...new Set(reads)].map((read) => (read === 0 ? "input" : `t${read - 1}`));
}
