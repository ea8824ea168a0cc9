import { Matrix } from "../../../base/matrix.ts";
import type { AdditiveCosts } from "../../additive.ts";
import { evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import { type Resource, resourcesOf } from "../../resources.ts";
import { createSearchSpace, type SearchSpace, type SpaceParts } from "../../search-space.ts";

/** Some devices of a problem, and perhaps one place more that stands for all others together. */
export interface Places {
  /** Device of each place; the routes between them pass no other device. */
  readonly chosen: readonly number[];
  readonly others: readonly number[];
}

/**
 * The most promising devices: source and sink, then those on which everything together would be
 * done first, each with the relays between it and those before it.
 *
 * @param most how many at most; source, sink and what relays between them in any case
 */
export function choosePlaces(problem: Problem, costs: AdditiveCosts, most: number): Places {
  let chosen = [problem.source];
  if (problem.sink !== null && problem.sink !== problem.source) {
    chosen = withRelays(problem, chosen, problem.sink);
  }
  for (const device of rank(problem, costs)) {
    if (chosen.length >= most) break;
    if (chosen.includes(device)) continue;
    const longer = withRelays(problem, chosen, device);
    if (longer.length <= most) chosen = longer;
  }
  chosen.sort((a, b) => a - b);
  const others = problem.devices.map((_, device) => device);
  return { chosen, others: others.filter((device) => !chosen.includes(device)) };
}

/** The device and all that routes between it and the chosen ones pass. */
function withRelays({ hops }: Problem, chosen: readonly number[], device: number): number[] {
  const all = new Set(chosen);
  const visit = (added: number): void => {
    if (all.has(added)) return;
    const before = [...all];
    all.add(added);
    for (const other of before) {
      for (const tensor of hops.samples) {
        for (const route of [hops.route(added, other, tensor), hops.route(other, added, tensor)]) {
          for (const link of route ?? []) visit(hops.links[link]?.to as number);
        }
      }
    }
  };
  visit(device);
  return [...all];
}

/** Devices by what it would cost to bring the inputs there, to do everything, and to bring the answers back. */
function rank(
  { devices, hops, index, source, sink, ...problem }: Problem,
  costs: AdditiveCosts,
): number[] {
  const bytes = index.graph.nodes.reduce((sum, node) => sum + node.parameterBytes, 0);
  const wayCost = (from: number, to: number, tensor: number): number =>
    (hops.route(from, to, tensor) ?? []).reduce((sum, link) => sum + costs.hop(tensor, link), 0);
  const score = devices.map(({ memoryBytes }, device) => {
    if (problem.kinds[device] === null) return Number.POSITIVE_INFINITY;
    let total = 0;
    index.graph.nodes.forEach((_, node) => {
      const cost = costs.node(device, node);
      if (Number.isFinite(cost)) total += cost;
    });
    for (const tensor of index.inputs) total += wayCost(source, device, tensor);
    const home = sink ?? source;
    for (const tensor of index.outputs) total += wayCost(device, home, tensor);
    return total * Math.max(1, bytes / Math.max(1, memoryBytes ?? bytes));
  });
  return devices
    .map((_, device) => device)
    .filter((device) => Number.isFinite(score[device] as number))
    .sort((a, b) => (score[a] as number) - (score[b] as number) || a - b);
}

/** The placements on the chosen devices alone. */
export function spaceOnChosen(
  problem: Problem,
  costs: AdditiveCosts,
  { chosen }: Places,
): SearchSpace {
  return buildSpace(problem, costs, { chosen, others: [] });
}

/**
 * A space in which every placement of the problem has an image that costs no more and uses no more:
 * its bounds are bounds for the problem.
 *
 * The devices that are not chosen are one place without a cap, as fast for each node as the fastest
 * of them, with free ways between them. A tensor that one of them needs and that is made elsewhere
 * is charged for one link that enters them, the cheapest of those that the routes there take; a
 * tensor that is made there and needed elsewhere for one link out, the cheapest of all. Since the
 * routes between chosen devices pass no others, those links are no part of other charges. The loads
 * behind a period are left out.
 */
export function spaceWithOthers(
  problem: Problem,
  costs: AdditiveCosts,
  places: Places,
): SearchSpace {
  return buildSpace(problem, costs, places);
}

function buildSpace(problem: Problem, costs: AdditiveCosts, places: Places): SearchSpace {
  const links = new PlaceLinks(problem, places);
  const devicesOf = [
    ...places.chosen.map((device) => [device]),
    ...(places.others.length === 0 ? [] : [places.others]),
  ];
  const adapt = (table: AdditiveCosts): AdditiveCosts => ({
    node: (place, node) =>
      (devicesOf[place] as readonly number[]).reduce(
        (least, device) => Math.min(least, table.node(device, node)),
        Number.POSITIVE_INFINITY,
      ),
    hop: (tensor, link) =>
      links
        .standsFor(link, tensor)
        .reduce(
          (least, real) => Math.min(least, table.hop(tensor, real)),
          Number.POSITIVE_INFINITY,
        ),
  });
  const { periodSeconds: _, ...limits } = problem.limits;
  const resources = resourcesOf({ ...problem, limits }).flatMap((resource): Resource[] => {
    const { capacity, memoryOf } = resource;
    if (memoryOf === undefined) return [{ ...adapt(resource), capacity }];
    const place = places.chosen.indexOf(memoryOf);
    return place < 0 ? [] : [{ ...adapt(resource), capacity, memoryOf: place }];
  });
  const parts: SpaceParts = {
    resources,
    judge: (placement) => {
      if (placement.some((place) => place >= places.chosen.length)) return null;
      const real: Placement = placement.map((place) => places.chosen[place] as number);
      return { placement: real, found: evaluate(problem, real) };
    },
  };
  return createSearchSpace(facade(problem, places, devicesOf, links), adapt(costs), parts);
}

/** The problem with places for devices; its costs stand apart. */
function facade(
  problem: Problem,
  { chosen, others }: Places,
  devicesOf: readonly (readonly number[])[],
  links: PlaceLinks,
): Problem {
  const nodes = problem.index.graph.nodes.length;
  const seconds = new Matrix(devicesOf.length, nodes, Number.POSITIVE_INFINITY);
  devicesOf.forEach((devices, place) => {
    for (let node = 0; node < nodes; node++) {
      seconds.set(place, node, Math.min(...devices.map((own) => problem.seconds.get(own, node))));
    }
  });
  const [first] = others;
  const rest = first === undefined ? undefined : problem.devices[first];
  return {
    ...problem,
    devices: [
      ...chosen.flatMap((device) => problem.devices[device] ?? []),
      ...(rest === undefined ? [] : [{ ...rest, memoryBytes: null }]),
    ],
    kinds: [
      ...chosen.map((device) => problem.kinds[device] ?? null),
      ...(rest === undefined ? [] : [null]),
    ],
    seconds,
    source: chosen.indexOf(problem.source),
    sink: problem.sink === null ? null : chosen.indexOf(problem.sink),
    hops: {
      ...problem.hops,
      links: links.ends,
      route: (from, to, tensor) => links.route(from, to, tensor),
    },
  };
}

/** The links between places: those on routes between chosen devices, then one into the others from each, then one out. */
class PlaceLinks {
  readonly #problem: Problem;
  readonly #places: Places;
  readonly #real: readonly number[];
  readonly #position: ReadonlyMap<number, number>;
  readonly #out: readonly number[];
  readonly #entering = new Map<number, readonly number[]>();

  constructor(problem: Problem, places: Places) {
    this.#problem = problem;
    this.#places = places;
    const { hops } = problem;
    const real = new Set<number>();
    for (const from of places.chosen) {
      for (const to of places.chosen) {
        for (const tensor of hops.samples) {
          for (const link of hops.route(from, to, tensor) ?? []) real.add(link);
        }
      }
    }
    this.#real = [...real].sort((a, b) => a - b);
    this.#position = new Map(this.#real.map((link, position) => [link, position]));
    const others = new Set(places.others);
    this.#out = hops.links.flatMap(({ from, to }, link) =>
      others.has(from) && !others.has(to) ? [link] : [],
    );
  }

  get ends(): readonly { readonly from: number; readonly to: number }[] {
    const { chosen } = this.#places;
    const place = (device: number): number => chosen.indexOf(device);
    return [
      ...this.#real.map((link) => {
        const { from, to } = this.#problem.hops.links[link] as { from: number; to: number };
        return { from: place(from), to: place(to) };
      }),
      ...chosen.map((_, from) => ({ from, to: chosen.length })),
      { from: chosen.length, to: -1 },
    ];
  }

  /** The links of the problem of which a link between places is the cheapest. */
  standsFor(link: number, tensor: number): readonly number[] {
    const real = this.#real[link];
    if (real !== undefined) return [real];
    const from = link - this.#real.length;
    return from < this.#places.chosen.length ? this.#enter(from, tensor) : this.#out;
  }

  route(from: number, to: number, tensor: number): readonly number[] | null {
    const { chosen } = this.#places;
    if (from === to) return [];
    if (to === chosen.length) {
      return this.#enter(from, tensor).length === 0 ? null : [this.#real.length + from];
    }
    if (from === chosen.length) {
      return this.#out.length === 0 ? null : [this.#real.length + chosen.length];
    }
    const real = this.#problem.hops.route(chosen[from] as number, chosen[to] as number, tensor);
    return real?.map((link) => this.#position.get(link) as number) ?? null;
  }

  /** The links by which the routes of a tensor from a place to the others enter them. */
  #enter(from: number, tensor: number): readonly number[] {
    const { hops } = this.#problem;
    const { chosen, others } = this.#places;
    const key = hops.sampleOf(tensor) * (chosen.length + 1) + from;
    const known = this.#entering.get(key);
    if (known !== undefined) return known;
    const found = new Set<number>();
    for (const other of others) {
      const route = hops.route(chosen[from] as number, other, tensor);
      const link = route?.find((at) => !chosen.includes(hops.links[at]?.to as number));
      if (link !== undefined) found.add(link);
    }
    const entering = [...found];
    this.#entering.set(key, entering);
    return entering;
  }
}
