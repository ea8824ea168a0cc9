/**
 * Seeded random problems that hold everything the cost model knows, small enough to try every placement.
 *
 * All costs are whole multiples of one unit and all factors powers of two, so that sums are exact
 * and routes tie where they tie on paper.
 *
 * @module
 */
import { createRandom, type Random } from "../../src/base/random.ts";
import type { DeviceProfile, Profile } from "../../src/cost/profile.ts";
import type { Device, Link, Topology } from "../../src/cost/topology.ts";
import { checkTopology } from "../../src/cost/topology-check.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Objective } from "../../src/plan/objective.ts";
import type { Limits } from "../../src/plan/problem.ts";
import { createOracle, type Question } from "./planner-oracle.ts";

/**
 * `line`: neighbours linked both ways and nothing else; `mesh`: any links, also one-way, or a hub;
 * `hub`: all linked to one that mostly only relays, and mostly alike.
 */
export interface ProblemClass {
  readonly shape: "line" | "mesh" | "hub";
  readonly objective: Objective["type"];
  /** The source is the first device, which the others follow as `edge` and `cloud`. */
  readonly tiers?: true;
}

export interface QuestionSize {
  /** At most; a third of the problems has fewer. */
  readonly nodes: number;
  /** Devices that can run nodes, at most; one that only relays may come on top. */
  readonly devices: number;
  /** Whether tensors may have codecs. Default: they may. */
  readonly codecs?: boolean;
}

export const allClasses: readonly ProblemClass[] = (["line", "mesh"] as const).flatMap((shape) =>
  (["latency", "energy", "weighted", "throughput"] as const).map((objective) => ({
    shape,
    objective,
  })),
);

/** The problem of a seed, always the same one. */
export function randomQuestion(seed: number, kind: ProblemClass, size: QuestionSize): Question {
  const random = createRandom(seed);
  // A whole number of nanoseconds that is a power of two.
  const unit = random.pick([1, 2 ** -9]);
  const nodes = chance(random, 0.67) ? size.nodes : 1 + random.integer(size.nodes);
  const plain = randomGraph(random, nodes);
  const graph = size.codecs === false ? plain : addCodecs(plain, seed, kind, unit);
  const kinds = 1 + random.integer(3);
  const withNull = chance(random, 0.2);
  const profile: Profile = {
    format: "partita.profile/1",
    graph,
    devices: Object.fromEntries(
      Array.from({ length: kinds }, (_, position) => [
        `kind${position}`,
        randomKind(random, nodes, unit, withNull),
      ]),
    ),
  };
  const topology = randomTopology(random, kind, size.devices, graph, kinds, unit);
  const objective: Objective =
    kind.objective === "weighted"
      ? {
          type: "weighted",
          latency: random.integer(3),
          energySecondsPerJoule: random.pick([0.25, 0.5, 1]),
        }
      : { type: kind.objective };
  const question = { profile, topology, objective, limits: {} };
  return { ...question, limits: randomLimits(random, question) };
}

function randomGraph(random: Random, count: number): Graph {
  const parameters = chance(random, 0.5);
  const names = Array.from({ length: 1 + random.integer(3) }, (_, input) => `in${input}`);
  const inputs = [...names];
  const used = new Set<string>();
  const group = chance(random, 0.2) ? 2 + random.integer(2) : 0;
  const nodes: Graph["nodes"][number][] = [];
  for (let node = 0; node < count; node++) {
    const recent = chance(random, 0.5) ? names.slice(-3) : names;
    const reads = new Set(
      Array.from({ length: chance(random, 0.05) ? 0 : 1 + random.integer(3) }, () =>
        random.pick(recent),
      ),
    );
    for (const name of reads) used.add(name);
    const outputs = chance(random, 0.15) ? [`t${node}`, `u${node}`] : [`t${node}`];
    names.push(...outputs);
    const grouped = random.integer(count) < group;
    nodes.push({
      name: `n${node}`,
      operator: "Op",
      inputs: [...reads],
      outputs,
      flop: null,
      parameterBytes: bytesOf(parameters ? 4 * random.integer(20) : 0),
      ...(grouped ? { colocation: chance(random, 0.3) ? "b" : "a" } : {}),
    });
  }
  const outputs = names.filter((name) =>
    inputs.includes(name) ? chance(random, 0.1) : chance(random, used.has(name) ? 0.15 : 0.85),
  );
  return {
    name: "random",
    inputs,
    outputs,
    tensors: names.map((name) => ({
      name,
      dataType: "uint8",
      shape: [],
      bytes: bytesOf(4 * random.integer(12)),
    })),
    nodes,
  };
}

/**
 * Codecs for some tensors of some graphs, drawn apart from all else. The throughput has few, since
 * there every choice of every hop is tried.
 */
function addCodecs(graph: Graph, seed: number, { objective }: ProblemClass, unit: number): Graph {
  const random = createRandom(seed + 2 ** 40);
  if (!chance(random, 0.35)) return graph;
  const most = objective === "throughput" ? 2 : graph.tensors.length;
  const coded = new Set(random.shuffle(graph.tensors).slice(0, most));
  const speed = (): number => random.pick([0, 0.25, 0.25, 0.5, 1]) * unit;
  const codec = () => ({
    ratio: random.pick([2, 4]),
    encodeSecondsPerByte: speed(),
    decodeSecondsPerByte: speed(),
  });
  return {
    ...graph,
    tensors: graph.tensors.map((tensor) => {
      if (!coded.has(tensor) || chance(random, 0.3)) return tensor;
      const codecs = chance(random, 0.4) ? { bitmap: codec(), zstd: codec() } : { bitmap: codec() };
      return { ...tensor, codecs };
    }),
  };
}

function randomKind(random: Random, nodes: number, unit: number, withNull: boolean): DeviceProfile {
  const overhead = chance(random, 0.5);
  const boundary = chance(random, 0.4);
  return {
    nodeSeconds: Array.from({ length: nodes }, () =>
      withNull && chance(random, 0.2) ? null : secondsOf(4 * random.integer(40) * unit),
    ),
    overheadSeconds: secondsOf((overhead ? 4 * random.integer(5) : 0) * unit),
    boundarySecondsPerByte: ((boundary ? random.integer(2) : 0) *
      unit) as DeviceProfile["boundarySecondsPerByte"],
    overheadBytes: bytesOf(chance(random, 0.3) ? 4 * random.integer(10) : 0),
  };
}

function randomTopology(
  random: Random,
  { shape, objective, tiers }: ProblemClass,
  most: number,
  graph: Graph,
  kinds: number,
  unit: number,
): Topology {
  const runners = chance(random, 0.7) ? most : 1 + random.integer(most);
  const hub = shape === "hub" || (shape === "mesh" && chance(random, 0.2));
  const relay = hub || (shape === "mesh" && chance(random, 0.15)) ? runners : null;
  const powered = objective === "energy" || objective === "weighted" || chance(random, 0.3);
  const capped = chance(random, 0.35);
  const exclusive = chance(random, shape === "hub" ? 0.5 : 0.2);
  const alike = chance(random, shape === "hub" ? 0.7 : 0.2);
  const names = random.shuffle(["ada", "bob", "cyd", "dan", "eve", "fay"]);
  const various = Array.from({ length: runners + (relay === null ? 0 : 1) }, (_, position) => ({
    name: names[position] as string,
    tier: tiers === true ? tierAt(position) : "device",
    profile:
      position === relay && chance(random, 0.8)
        ? "none"
        : `kind${alike ? 0 : random.integer(kinds)}`,
    speed: alike ? 1 : random.pick([0.5, 1, 1, 2, 4]),
    memoryBytes: capped && chance(random, 0.7) ? bytesOf(4 + 4 * random.integer(80)) : null,
    busyWatts: (powered ? 4 + random.integer(8) : 0) as Device["busyWatts"],
    idleWatts: (powered ? random.integer(4) : 0) as Device["idleWatts"],
    communication:
      exclusive && chance(random, 0.5) ? ("exclusive" as const) : ("overlapped" as const),
  }));
  const areTwins = shape === "hub" && alike;
  const devices = areTwins ? various.map((device) => likeFirst(device, various, relay)) : various;
  const pairs = linkPairs(random, shape, devices.length, hub ? relay : null);
  const media = chance(random, 0.15);
  const latency = chance(random, 0.5);
  const rates = areTwins ? [random.pick([1, 4, 16, 64])] : [1, 2, 4, 8, 8, 16, 32];
  const seconds = areTwins ? [random.integer(20)] : Array.from({ length: 20 }, (_, each) => each);
  const links = pairs.map(([from, to]) => ({
    from: devices[from]?.name as string,
    to: devices[to]?.name as string,
    bandwidthBitsPerSecond: (random.pick(rates) / unit) as Link["bandwidthBitsPerSecond"],
    latencySeconds: secondsOf((latency ? random.pick(seconds) : 0) * unit),
    energyJoulesPerBit: ((powered ? random.integer(4) : 0) * unit) as Link["energyJoulesPerBit"],
    ...(media && chance(random, 0.5) ? { medium: "air" } : {}),
  }));
  const drawn = random.integer(devices.length);
  const source = devices[tiers === true ? 0 : drawn]?.name as string;
  const topology: Topology = {
    format: "partita.topology/1",
    devices,
    links: onAir(reachable(links, devices, source, unit), objective, random),
    source,
    sink: random.pick([source, source, random.pick(devices).name, "anywhere"]),
    inputBytes: Object.fromEntries(
      graph.inputs
        .filter(() => chance(random, 0.2))
        .map((name) => [name, bytesOf(4 * random.integer(12))]),
    ),
  };
  checkTopology(topology, "random");
  return topology;
}

function tierAt(position: number): Device["tier"] {
  return (["device", "edge", "cloud"] as const)[position] ?? "device";
}

/** The first device under another name; the relay stays what it is. */
function likeFirst(device: Device, all: readonly Device[], relay: number | null): Device {
  const [first] = all;
  return first === undefined || device === all[relay ?? -1]
    ? device
    : { ...first, name: device.name };
}

function linkPairs(
  random: Random,
  shape: ProblemClass["shape"],
  count: number,
  hub: number | null,
): [number, number][] {
  const all = Array.from({ length: count }, (_, from) =>
    Array.from({ length: count }, (_, to): [number, number] => [from, to]),
  ).flat();
  return all.filter(([from, to]) => {
    if (from === to) return false;
    if (shape === "line") return Math.abs(from - to) === 1;
    if (hub !== null) return from === hub || to === hub;
    return chance(random, 0.7);
  });
}

/** Adds what is needed so that every device can be reached, as the door demands. */
function reachable(
  links: Link[],
  devices: readonly Device[],
  source: string,
  unit: number,
): readonly Link[] {
  const reached = new Set([source]);
  for (const device of reached) {
    for (const link of links) if (link.from === device) reached.add(link.to);
  }
  const added = devices
    .filter(({ name }) => !reached.has(name))
    .map(({ name }) => ({
      from: source,
      to: name,
      bandwidthBitsPerSecond: (4 / unit) as Link["bandwidthBitsPerSecond"],
      latencySeconds: secondsOf(unit),
      energyJoulesPerBit: 0 as Link["energyJoulesPerBit"],
    }));
  return [...links, ...added];
}

/** Some pipelines over one radio: links that share an air time matter where all of them do. */
function onAir(
  links: readonly Link[],
  objective: ProblemClass["objective"],
  random: Random,
): readonly Link[] {
  if (objective !== "throughput" || !chance(random, 0.15)) return links;
  return links.map((link) => ({ ...link, medium: "air" }));
}

/** Limits around what some placement costs, so that they matter without being hopeless. */
function randomLimits(random: Random, question: Omit<Question, "limits">): Limits {
  const { graph } = question.profile;
  const privacy = chance(random, 0.15)
    ? {
        keepLocal: chance(random, 0.5)
          ? random.integer(graph.nodes.length + 1)
          : random.pick(graph.tensors).name,
      }
    : {};
  if (!chance(random, 0.3)) return privacy;
  const oracle = createOracle({ ...question, limits: privacy });
  const placement = graph.nodes.map(() => random.integer(question.topology.devices.length));
  const figures =
    oracle.cost(placement) ?? oracle.cost(graph.nodes.map(() => placement[0] as number));
  if (figures === null) return privacy;
  const factor = random.pick([0.75, 1, 1.25]);
  const name = random.pick(["latencySeconds", "periodSeconds", "energyJoules"] as const);
  // The door refuses a limit on an energy that nobody stated.
  if (name === "energyJoules" && !statesEnergy(question.topology)) return privacy;
  return { ...privacy, [name]: figures[name] * factor };
}

function statesEnergy(topology: Topology): boolean {
  return (
    topology.devices.some(({ busyWatts }) => busyWatts > 0) ||
    topology.links.some(({ energyJoulesPerBit }) => energyJoulesPerBit > 0)
  );
}

function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

const bytesOf = (value: number) => value as Graph["tensors"][number]["bytes"];
const secondsOf = (value: number) => value as DeviceProfile["overheadSeconds"];
