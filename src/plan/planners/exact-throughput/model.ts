import type { Hops } from "../../../cost/hops.ts";
import { type Contraction, contract } from "../../../graph/contract.ts";
import { areDevicesAlike, areLinksAlike } from "../../alike.ts";
import type { Problem } from "../../problem.ts";

/** A tensor that may travel, with its uses by unit. */
export interface Flow {
  readonly tensor: number;
  /** On the link where it weighs least. */
  readonly bytes: number;
  /** `null`: a graph input. */
  readonly producer: number | null;
  /** Other units that read it. */
  readonly consumers: readonly number[];
  /** Whether it has to get to the sink. */
  readonly isDelivered: boolean;
}

/** A problem as units of nodes on the devices that can run any. */
export interface UnitModel {
  readonly problem: Problem;
  readonly contraction: Contraction;
  /** Positions of the devices that can run a unit; a "runner" is a position in this list. */
  readonly runners: readonly number[];
  /** Seconds of each runner for each unit; `Infinity`: it may not. */
  readonly seconds: readonly Float64Array[];
  readonly parameterBytes: readonly number[];
  readonly flows: readonly Flow[];
  /** Positions of the flows that each unit makes. */
  readonly made: readonly (readonly number[])[];
  /** Positions of the flows from outside, and of those to be delivered. */
  readonly inputs: readonly number[];
  readonly delivered: readonly number[];
}

/** A problem as the search over any mesh sees it. */
export interface ThroughputModel extends UnitModel {
  /** For each runner those before it in the list that could take its place in every plan. */
  readonly twins: readonly (readonly number[])[];
  /** For each pair of devices the links that flows of any size take from one to the other. */
  readonly routes: readonly (readonly Routes[])[];
}

/** Links, each once, in use between two devices. */
export interface Routes {
  readonly firsts: readonly number[];
  readonly lasts: readonly number[];
  readonly all: readonly number[];
}

/** Contracts what must share a device: colocated nodes and private ones. */
export function unitModel(problem: Problem): UnitModel {
  const { index } = problem;
  const contraction = contract(index, [...problem.groups, [...problem.pinned]]);
  const table = problem.devices.map((_, device) => secondsOf(problem, contraction, device));
  const runners = table.flatMap((row, device) => (row.some(Number.isFinite) ? [device] : []));
  const flows = findFlows(problem, contraction);
  const made: number[][] = contraction.units.map(() => []);
  flows.forEach(({ producer }, flow) => {
    if (producer !== null) made[producer]?.push(flow);
  });
  return {
    problem,
    contraction,
    runners,
    seconds: runners.map((device) => table[device] as Float64Array),
    parameterBytes: contraction.units.map((nodes) =>
      nodes.reduce((sum, node) => sum + (index.graph.nodes[node]?.parameterBytes ?? 0), 0),
    ),
    flows,
    made,
    inputs: flows.flatMap(({ producer }, flow) => (producer === null ? [flow] : [])),
    delivered: flows.flatMap(({ isDelivered }, flow) => (isDelivered ? [flow] : [])),
  };
}

/** Looks up which links are in use and which devices are alike. */
export function throughputModel(model: UnitModel): ThroughputModel {
  const { problem, flows, runners } = model;
  return {
    ...model,
    routes: findRoutes(problem, flows),
    twins: runners.map((device, runner) =>
      [...runners.keys()].filter(
        (other) => other < runner && areTwins(problem, flows, runners[other] as number, device),
      ),
    ),
  };
}

function secondsOf(problem: Problem, { units }: Contraction, device: number): Float64Array {
  return Float64Array.from(units, (nodes) => {
    const isPrivate = nodes.some((node) => problem.pinned.has(node));
    if (isPrivate && device !== problem.source) return Number.POSITIVE_INFINITY;
    return nodes.reduce((sum, node) => sum + problem.seconds.get(device, node), 0);
  });
}

function findFlows(problem: Problem, { unitOf }: Contraction): Flow[] {
  const { index, sink, linkBytes } = problem;
  const outputs = new Set(index.outputs);
  return linkBytes.flatMap((_, tensor) => {
    const node = index.producer[tensor] ?? null;
    const producer = node === null ? null : (unitOf[node] as number);
    const units = new Set((index.consumers[tensor] ?? []).map((user) => unitOf[user] as number));
    if (producer !== null) units.delete(producer);
    const isDelivered = sink !== null && outputs.has(tensor);
    if (units.size === 0 && !isDelivered) return [];
    const bytes = leastBytes(problem, tensor);
    return [{ tensor, bytes, producer, consumers: [...units], isDelivered }];
  });
}

/** What a tensor weighs on a link at least. */
function leastBytes({ hops }: Problem, tensor: number): number {
  return hops.links.reduce(
    (least, _, link) => Math.min(least, hops.bytes(link, tensor)),
    Number.POSITIVE_INFINITY,
  );
}

/** A tensor for each kind of cargo among the flows. */
function samplesOf(hops: Hops, flows: readonly Flow[]): number[] {
  return [...new Set(flows.map(({ tensor }) => hops.samples[hops.sampleOf(tensor)] as number))];
}

function findRoutes({ devices, hops }: Problem, flows: readonly Flow[]): Routes[][] {
  const samples = samplesOf(hops, flows);
  return devices.map((_, from) =>
    devices.map((_, to) => {
      const routes = from === to ? [] : samples.map((tensor) => hops.route(from, to, tensor) ?? []);
      return {
        firsts: [...new Set(routes.flatMap((route) => route.slice(0, 1)))],
        lasts: [...new Set(routes.flatMap((route) => route.slice(-1)))],
        all: [...new Set(routes.flat())],
      };
    }),
  );
}

/**
 * Whether exchanging two devices changes no load. Routes are compared too: which of two equal ones is
 * taken depends on names.
 */
function areTwins(problem: Problem, flows: readonly Flow[], a: number, b: number): boolean {
  if (!areDevicesAlike(problem, a, b)) return false;
  const exchange = (device: number) => (device === a ? b : device === b ? a : device);
  const links = exchangedLinks(problem, exchange);
  if (links === null) return false;
  const samples = samplesOf(problem.hops, flows);
  const all = [...problem.devices.keys()];
  return samples.every((tensor) =>
    all.every((from) =>
      all.every((to) => {
        const route = problem.hops.route(from, to, tensor)?.map((link) => links[link]);
        return (
          String(route) ===
          String(problem.hops.route(exchange(from), exchange(to), tensor) ?? undefined)
        );
      }),
    ),
  );
}

/** The link that each link becomes when devices are exchanged; `null` if some link differs. */
function exchangedLinks(problem: Problem, exchange: (device: number) => number): number[] | null {
  const { links: ends } = problem.hops;
  const { links } = problem.topology;
  const images = ends.map(({ from, to }) =>
    ends.findIndex((other) => other.from === exchange(from) && other.to === exchange(to)),
  );
  const same = images.every(
    (image, link) => image >= 0 && areLinksAlike(links[image], links[link]),
  );
  return same ? images : null;
}
