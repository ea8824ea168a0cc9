/**
 * The cost model a second time, in the dumbest way, and a search through every placement with it.
 *
 * It shares no code with what it tests: names are resolved, routes found, memory counted and stages
 * checked here. Small arrays and bit sets, since millions of placements are tried.
 *
 * @module
 */
import type { CodecChoice } from "../../src/cost/hops.ts";
import type { Profile } from "../../src/cost/profile.ts";
import type { Topology } from "../../src/cost/topology.ts";
import type { Objective } from "../../src/plan/objective.ts";
import type { Limits } from "../../src/plan/problem.ts";
import { everyChain } from "./planner-oracle-chains.ts";
import { type Crossing, type Crossings, wire } from "./planner-oracle-hops.ts";
import { isAllowed, rulesOf } from "./planner-oracle-rules.ts";
import { objectiveValue } from "./planner-oracle-value.ts";
import { distancesFrom, isOneWay } from "./planner-oracle-ways.ts";

/** What `createProblem` needs. */
export interface Question {
  readonly profile: Profile;
  readonly topology: Topology;
  readonly objective: Objective;
  readonly limits: Limits;
}

export interface Figures {
  readonly value: number;
  readonly latencySeconds: number;
  readonly periodSeconds: number;
  readonly energyJoules: number;
  readonly memoryBytes: readonly number[];
}

export interface Best {
  readonly value: number;
  readonly placement: readonly number[];
}

export interface Oracle {
  /**
   * `null`: not allowed.
   *
   * @param codecs default: on each link the cheapest for a sum, the fastest for the throughput
   */
  cost(placement: readonly number[], codecs?: CodecChoice): Figures | null;
  /** The best of all placements, for the throughput with the best codecs; `null`: none is allowed. */
  best(): Best | null;
  /** The best of all placements with all codecs. */
  bestOverCodecs(): Best | null;
  /** The best of the placements that use one device. */
  bestOnOneDevice(): Best | null;
  /** The best of the placements in which nothing is used nearer to the source than it was made. */
  bestOneWay(): Best | null;
  /** The best of those that cut the graph once at most, behind a node which all paths pass. */
  bestChainCut(): Best | null;
  /** The best of the chains of pieces: runs that end behind nodes which all paths pass. */
  bestChainOfPieces(): Best | null;
}

const slack = 1 + 1e-9;
const limited = ["latencySeconds", "periodSeconds", "energyJoules"] as const;

export function createOracle(question: Question): Oracle {
  const model = resolve(question);
  const usual = (placement: readonly number[]) =>
    figuresOf(question, model, placement, model.usual);
  const overCodecs = () =>
    leastOf(everyPlacement(model), (placement, known) =>
      bestOverCodecs(question, model, placement, known),
    );
  return {
    cost: (placement, codecs) => {
      if (codecs === undefined) return usual(placement);
      const chosen = chooseCrossings(model, codecs);
      return chosen === null ? null : figuresOf(question, model, placement, chosen);
    },
    best: () =>
      question.objective.type === "throughput"
        ? overCodecs()
        : leastOf(everyPlacement(model), (placement) => usual(placement)?.value),
    bestOverCodecs: overCodecs,
    bestOnOneDevice: () => {
      const onEach = Array.from({ length: model.deviceCount }, (_, device) =>
        model.nodes.map(() => device),
      );
      return leastOf(onEach, (placement) => usual(placement)?.value);
    },
    bestOneWay: () =>
      leastOf(everyPlacement(model), (placement) =>
        isOneWay(model, placement) ? usual(placement)?.value : undefined,
      ),
    bestChainCut: () =>
      leastOf(everyChain(model), (placement) =>
        new Set(placement).size <= 2 && isOneWay(model, placement)
          ? usual(placement)?.value
          : undefined,
      ),
    bestChainOfPieces: () => leastOf(everyChain(model), (placement) => usual(placement)?.value),
  };
}

/** @param cost `undefined`: not allowed, or not below what is known */
function leastOf(
  placements: Iterable<readonly number[]>,
  cost: (placement: readonly number[], known: number) => number | undefined,
): Best | null {
  let best: Best | null = null;
  let known = Number.POSITIVE_INFINITY;
  for (const placement of placements) {
    const value = cost(placement, known);
    if (value === undefined || (best !== null && value >= known)) continue;
    best = { value, placement: [...placement] };
    known = value;
  }
  return best;
}

/** Every placement on devices that can run the nodes, in the same array, counted through. */
function* everyPlacement({ hosts }: Model): Generator<readonly number[]> {
  if (hosts.some(({ length }) => length === 0)) return;
  const digits = hosts.map(() => 0);
  const placement = hosts.map(([first]) => first as number);
  for (;;) {
    yield placement;
    let node = placement.length - 1;
    for (; node >= 0; node--) {
      const devices = hosts[node] as readonly number[];
      const digit = ((digits[node] as number) + 1) % devices.length;
      digits[node] = digit;
      placement[node] = devices[digit] as number;
      if (digit > 0) break;
    }
    if (node < 0) return;
  }
}

/** `null` if a codec is asked for where none of that name is allowed. */
function chooseCrossings(model: Model, codecs: CodecChoice): Crossings | null {
  const chosen = model.options.map((row, tensor) =>
    row.map((ways, link) => ways.find(({ codec }) => codec === codecs(link, tensor))),
  );
  return chosen.flat().includes(undefined) ? null : (chosen as Crossings);
}

/** The least value of a placement over all choices of codecs, where one is below `known`. */
function bestOverCodecs(
  question: Question,
  model: Model,
  placement: readonly number[],
  known: number,
): number | undefined {
  const relaxed = figuresOf(question, model, placement, model.least);
  if (relaxed === null || relaxed.value >= known) return undefined;
  const open = model.options.flatMap((row, tensor) => {
    const travelled = linksOf(model, placement, tensor) ?? 0;
    return row.flatMap((ways, link) =>
      ways.length > 1 && ((travelled >> link) & 1) === 1 ? [{ tensor, link, ways }] : [],
    );
  });
  const chosen = model.usual.map((row) => [...row]);
  let best: number | undefined;
  const choose = (position: number): void => {
    const choice = open[position];
    if (choice === undefined) {
      const value = figuresOf(question, model, placement, chosen)?.value;
      if (value !== undefined && value < (best ?? Number.POSITIVE_INFINITY)) best = value;
      return;
    }
    for (const way of choice.ways) {
      (chosen[choice.tensor] as Crossing[])[choice.link] = way;
      choose(position + 1);
    }
  };
  choose(0);
  return best;
}

type Model = ReturnType<typeof resolve>;

function resolve(question: Question) {
  const { profile, topology } = question;
  const { graph } = profile;
  const deviceOf = (name: string) => topology.devices.findIndex((device) => device.name === name);
  const nodes = graph.nodes.map((node, position) => ({ ...node, position }));
  const tensors = graph.tensors.map(({ name, bytes }) => ({
    name,
    bytes: bytes as number,
    producer: nodes.findIndex(({ outputs }) => outputs.includes(name)),
    consumers: nodes.filter(({ inputs }) => inputs.includes(name)).map(({ position }) => position),
    isOutput: graph.outputs.includes(name),
  }));
  const kinds = topology.devices.map((device) =>
    device.profile === "none"
      ? null
      : (profile.devices[device.profile ?? Object.keys(profile.devices)[0] ?? ""] ?? null),
  );
  const compute = topology.devices.map(({ speed }, device) =>
    nodes.map((_, node) => (kinds[device]?.nodeSeconds[node] ?? Number.POSITIVE_INFINITY) / speed),
  );
  const devices = kinds.map((_, device) => device);
  const hosts = nodes.map((_, node) =>
    devices.filter((device) => compute[device]?.[node] !== Number.POSITIVE_INFINITY),
  );
  const { links, ...crossings } = wire(question);
  const media = [...new Set(links.flatMap(({ medium }) => medium ?? []))];
  return {
    nodes,
    tensors,
    kinds,
    compute,
    hosts,
    links,
    ...crossings,
    deviceCount: kinds.length,
    source: deviceOf(topology.source),
    distances: distancesFrom(deviceOf(topology.source), links, kinds.length),
    sink: topology.sink === "anywhere" ? null : deviceOf(topology.sink),
    /** Each link's own place among the loads, or that of its medium. */
    wires: links.map(({ medium }, link) =>
      medium === undefined ? link : links.length + media.indexOf(medium),
    ),
    wireCount: links.length + media.length,
    ...rulesOf(question, nodes, tensors),
    memory: new Map<number, number>(),
  };
}

function figuresOf(
  question: Question,
  model: Model,
  placement: readonly number[],
  crossings: Crossings,
): Figures | null {
  if (!isAllowed(question.objective, model, placement)) return null;
  const { topology, objective, limits } = question;
  const compute = new Array<number>(model.deviceCount).fill(0);
  const owns = new Array<number>(model.deviceCount).fill(0);
  const wholes = new Array<number>(model.deviceCount).fill(0);
  const wires = new Array<number>(model.wireCount).fill(0);
  let latencySeconds = 0;
  let energyJoules = 0;
  for (let node = 0; node < placement.length; node++) {
    const device = placement[node] as number;
    const seconds = model.compute[device]?.[node] as number;
    if (seconds === Number.POSITIVE_INFINITY) return null;
    (compute[device] as number) += seconds;
    latencySeconds += seconds;
  }
  for (let tensor = 0; tensor < model.tensors.length; tensor++) {
    const travelled = linksOf(model, placement, tensor);
    if (travelled === null) return null;
    for (let link = 0; travelled >> link !== 0; link++) {
      if (((travelled >> link) & 1) === 0) continue;
      const { ends, energyJoulesPerBit } = model.links[link] as Model["links"][number];
      const [from, to] = ends;
      const crossing = crossings[tensor]?.[link] as Crossing;
      const { send, receive, whole } = crossing;
      latencySeconds += whole;
      energyJoules += energyJoulesPerBit * 8 * crossing.bytes;
      (owns[from] as number) += send;
      (owns[to] as number) += receive;
      (wholes[from] as number) += whole;
      (wholes[to] as number) += whole;
      (wires[model.wires[link] as number] as number) += crossing.wire;
    }
  }
  let periodSeconds = Math.max(0, ...wires);
  topology.devices.forEach(({ communication }, device) => {
    const extra = communication === "exclusive" ? wholes : owns;
    periodSeconds = Math.max(
      periodSeconds,
      (compute[device] as number) + (extra[device] as number),
    );
  });
  const horizon = objective.type === "throughput" ? periodSeconds : latencySeconds;
  topology.devices.forEach(({ busyWatts, idleWatts }, device) => {
    const busy = (compute[device] as number) + (owns[device] as number);
    energyJoules += busyWatts * busy + idleWatts * (horizon - busy);
  });
  if (isAbove(limits, { latencySeconds, periodSeconds, energyJoules })) return null;
  const memoryBytes = memoryOf(model, placement);
  const fits = topology.devices.every(
    ({ memoryBytes: cap }, device) => cap === null || (memoryBytes[device] as number) <= cap,
  );
  if (!fits) return null;
  const value = objectiveValue(objective, { latencySeconds, periodSeconds, energyJoules });
  return { value, latencySeconds, periodSeconds, energyJoules, memoryBytes };
}

function isAbove(limits: Limits, figures: Pick<Figures, (typeof limited)[number]>): boolean {
  return limited.some((name) => figures[name] > (limits[name] ?? Number.POSITIVE_INFINITY) * slack);
}

/** The links that a tensor passes, as a bit set; `null`: it cannot get where it is needed. */
function linksOf(model: Model, placement: readonly number[], tensor: number): number | null {
  const { producer, consumers, isOutput } = model.tensors[tensor] as Model["tensors"][number];
  const home = producer < 0 ? model.source : (placement[producer] as number);
  const routes = model.routes[tensor]?.[home] as (number | null)[];
  let travelled = 0;
  for (let use = 0; use < consumers.length; use++) {
    const route = routes[placement[consumers[use] as number] as number] as number | null;
    if (route === null) return null;
    travelled |= route;
  }
  if (!isOutput || model.sink === null) return travelled;
  const delivery = routes[model.sink] as number | null;
  return delivery === null ? null : travelled | delivery;
}

/** Kept by device and set of nodes: there are far fewer of these than placements. */
function memoryOf(model: Model, placement: readonly number[]): number[] {
  const sets = new Array<number>(model.deviceCount).fill(0);
  placement.forEach((device, node) => {
    (sets[device] as number) |= 1 << node;
  });
  return sets.map((set, device) => {
    const key = set * model.deviceCount + device;
    const known = model.memory.get(key);
    if (known !== undefined) return known;
    const overhead = model.kinds[device]?.overheadBytes ?? 0;
    const needed = set === 0 ? 0 : overhead + memoryOfSet(model, set);
    model.memory.set(key, needed);
    return needed;
  });
}

function memoryOfSet(model: Model, set: number): number {
  const own = model.nodes.filter(({ position }) => ((set >> position) & 1) === 1);
  const lives = model.tensors.map(({ name, bytes }) => {
    const users = own.filter(({ inputs, outputs }) => [...inputs, ...outputs].includes(name));
    return { bytes, first: users[0]?.position, last: users.at(-1)?.position };
  });
  const peaks = own.map(({ position }) =>
    lives
      .filter(({ first = position + 1, last = -1 }) => first <= position && position <= last)
      .reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return own.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0) + Math.max(...peaks);
}
