import { type CostTable, devicesIn, type SearchSpace } from "../../search-space.ts";

/**
 * All placements as paths: layer i holds what may be known before node i of the graph order is
 * placed, an arc is a device for that node.
 *
 * A state says of each tensor of the frontier (made, and still to be read) where it was made and
 * which devices it has reached, and of each group begun where it is. Nothing else of the past bears
 * on what later nodes cost, so that the costs of a path are those of its placement.
 */
export interface FrontierGraph {
  readonly steps: readonly FrontierStep[];
  /** States are numbered layer by layer; those of layer i start here. One longer than layers. */
  readonly firstState: Int32Array;
  readonly arcs: FrontierArcs;
}

/** Arcs ascending by the state they leave. */
export interface FrontierArcs {
  readonly count: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly device: Uint8Array;
  readonly cost: Float64Array;
  /** Shape [arcs, resources]. */
  readonly use: Float64Array;
}

/** One node and the frontier before and after it. Slots hold tensors first, then groups. */
export interface FrontierStep {
  readonly node: number;
  /** Tensors of the frontier before the node. */
  readonly tensors: readonly number[];
  /** Slots of the tensors among them that the node reads. */
  readonly reads: readonly number[];
  /** Of each slot after the node: the one it was before, or -1. */
  readonly origin: readonly number[];
  /** Of each slot after the node that is new: the tensor; -1: a group. */
  readonly made: readonly number[];
  /** The slot of the node's own group, begun before; -1: none. */
  readonly groupSlot: number;
}

/** A tensor's slot is home · 2^devices + devices reached, in 16 bits. */
export const mostFrontierDevices = 12;
/** Long graphs have more layers, not wider ones. */
const mostStates = (nodes: number): number => Math.max(400_000, 300 * nodes);
const mostArcs = (nodes: number): number => Math.max(1_500_000, 900 * nodes);
/** Numbers of costs and uses that all arcs together may hold. */
const mostNumbers = 20_000_000;
const arcsPerYield = 20_000;

/**
 * Builds the graph of all states, as far as they can be part of a placement below the cutoff.
 *
 * O(states · devices · (tensors read + resources)) time and memory; yields while it works.
 *
 * @returns `null` if there are too many devices, states or arcs
 */
export function* buildFrontier(
  space: SearchSpace,
  cutoff: number,
): Generator<null, FrontierGraph | null> {
  if (space.problem.devices.length > mostFrontierDevices) return null;
  const steps = stepsOf(space);
  const builder = new FrontierBuilder(space, cutoff);
  for (const step of steps) {
    const slots = step.tensors.length;
    if (slots > 40) return null;
    for (let done = false; !done; ) {
      done = builder.extend(step);
      if (builder.isTooLarge) return null;
      if (!done || builder.isDue) yield null;
    }
  }
  return builder.finish(steps);
}

/** The frontier before and after every node. */
function stepsOf({ problem, unitOf, units }: SearchSpace): FrontierStep[] {
  const { consumers, graph, inputs, nodeInputs, nodeOutputs } = problem.index;
  const last = (tensor: number): number => consumers[tensor]?.at(-1) ?? -1;
  let tensors = inputs.filter((tensor) => last(tensor) >= 0);
  let groups: number[] = [];
  return graph.nodes.map((_, node) => {
    const unit = unitOf[node] as number;
    const members = units[unit] as readonly number[];
    const kept = tensors.filter((tensor) => last(tensor) > node);
    const fresh = (nodeOutputs[node] ?? []).filter((tensor) => last(tensor) > node);
    const keptGroups = groups.filter((group) => (units[group]?.at(-1) as number) > node);
    const begins = members.length > 1 && members[0] === node;
    const step: FrontierStep = {
      node,
      tensors,
      reads: (nodeInputs[node] ?? []).map((tensor) => tensors.indexOf(tensor)),
      origin: [
        ...kept.map((tensor) => tensors.indexOf(tensor)),
        ...fresh.map(() => -1),
        ...keptGroups.map((group) => tensors.length + groups.indexOf(group)),
        ...(begins ? [-1] : []),
      ],
      made: [...kept.map(() => -1), ...fresh, ...keptGroups.map(() => -1), ...(begins ? [-1] : [])],
      groupSlot: members.length > 1 && !begins ? tensors.length + groups.indexOf(unit) : -1,
    };
    tensors = [...kept, ...fresh];
    groups = begins ? [...keptGroups, unit] : keptGroups;
    return step;
  });
}

interface Delivered {
  /** The slot's value afterwards. */
  readonly code: number;
  /** Objective and uses of the links that are new; `null`: none is. */
  readonly costs: Float64Array | null;
}

class FrontierBuilder {
  readonly #space: SearchSpace;
  readonly #bits: number;
  readonly #cutoff: number;
  /** The least that the nodes from each position on can cost. */
  readonly #rest: Float64Array;
  /** Of graph inputs that are answers: paid whatever the placement. */
  readonly #fixed: Float64Array;
  readonly #tables: readonly CostTable[];
  readonly #delivered: Map<number, Delivered | null>[];
  readonly #firstState: number[] = [0];
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #device: number[] = [];
  readonly #costs: number[] = [];
  #keys: string[];
  /** The least cost of the ways to each state of the layer. */
  #least: number[] = [0];
  #next = new Map<string, number>();
  #nextKeys: string[] = [];
  #nextLeast: number[] = [];
  #position = 0;
  #sinceYield = 0;

  constructor(space: SearchSpace, cutoff: number) {
    this.#space = space;
    this.#bits = space.problem.devices.length;
    this.#cutoff = cutoff;
    this.#tables = [space.objective, ...space.resources];
    this.#delivered = space.problem.linkBytes.map(() => new Map());
    this.#rest = leastRest(space);
    const { index, source } = space.problem;
    const start: number[] = [];
    this.#fixed = new Float64Array(this.#tables.length);
    for (const tensor of index.inputs) {
      const { code, costs } = this.#make(tensor, source) ?? { code: -1, costs: null };
      addTo(this.#fixed, costs);
      if (code < 0 || (index.consumers[tensor] ?? []).length > 0) start.push(code);
    }
    this.#keys = start.includes(-1) ? [] : [String.fromCharCode(...start)];
    this.#firstState.push(this.#keys.length);
  }

  get isTooLarge(): boolean {
    const { nodes } = this.#space;
    return (
      (this.#firstState.at(-1) as number) + this.#nextKeys.length > mostStates(nodes) ||
      this.#from.length > mostArcs(nodes) ||
      this.#costs.length > mostNumbers
    );
  }

  /** Whether enough has been done to let the caller stop it. */
  get isDue(): boolean {
    if (this.#sinceYield < arcsPerYield) return false;
    this.#sinceYield = 0;
    return true;
  }

  /** Adds a layer, or a good part of it; `true`: the layer is complete. */
  extend(step: FrontierStep): boolean {
    const end = Math.min(this.#keys.length, this.#position + 2000);
    for (; this.#position < end; this.#position++) {
      const unit = this.#space.unitOf[step.node] as number;
      const domain = this.#space.domains[unit] as number;
      for (const device of devicesIn(domain)) this.#place(step, this.#position, device);
    }
    if (this.#position < this.#keys.length) return false;
    this.#keys = this.#nextKeys;
    this.#least = this.#nextLeast;
    this.#next = new Map();
    this.#nextKeys = [];
    this.#nextLeast = [];
    this.#position = 0;
    this.#firstState.push((this.#firstState.at(-1) as number) + this.#keys.length);
    return true;
  }

  finish(steps: readonly FrontierStep[]): FrontierGraph {
    const width = this.#tables.length;
    const count = this.#from.length;
    const cost = new Float64Array(count);
    const use = new Float64Array(count * (width - 1));
    for (let arc = 0; arc < count; arc++) {
      cost[arc] = this.#costs[arc * width] as number;
      for (let at = 1; at < width; at++) {
        use[arc * (width - 1) + at - 1] = this.#costs[arc * width + at] as number;
      }
    }
    return {
      steps,
      firstState: Int32Array.from(this.#firstState),
      arcs: {
        count,
        from: Int32Array.from(this.#from),
        to: Int32Array.from(this.#to),
        device: Uint8Array.from(this.#device),
        cost,
        use,
      },
    };
  }

  /** The arc that puts the step's node on a device, if that costs less than the cutoff. */
  #place(step: FrontierStep, position: number, device: number): void {
    const key = this.#keys[position] as string;
    if (step.groupSlot >= 0 && key.charCodeAt(step.groupSlot) !== device) return;
    const { node, reads, origin, made } = step;
    const { nodes, problem } = this.#space;
    const sums = this.#tables.map((table) => table.node[device * nodes + node] as number);
    if (node === 0) addTo(sums, this.#fixed);
    const changed = new Map<number, number>();
    for (const slot of reads) {
      const tensor = step.tensors[slot] as number;
      const delivered = this.#deliver(tensor, key.charCodeAt(slot), device);
      if (delivered === null) return;
      changed.set(slot, delivered.code);
      addTo(sums, delivered.costs);
    }
    const outputs = new Map<number, number>();
    for (const tensor of problem.index.nodeOutputs[node] ?? []) {
      const delivered = this.#make(tensor, device);
      if (delivered === null) return;
      outputs.set(tensor, delivered.code);
      addTo(sums, delivered.costs);
    }
    const least = (this.#least[position] as number) + (sums[0] as number);
    if (!(least + (this.#rest[node + 1] as number) < this.#cutoff)) return;
    let next = "";
    origin.forEach((slot, at) => {
      const tensor = made[at] as number;
      const fresh = tensor < 0 ? device : (outputs.get(tensor) as number);
      const code = slot < 0 ? fresh : (changed.get(slot) ?? key.charCodeAt(slot));
      next += String.fromCharCode(code);
    });
    this.#add(position, device, next, least, sums);
  }

  #add(position: number, device: number, key: string, least: number, sums: number[]): void {
    let to = this.#next.get(key);
    if (to === undefined) {
      to = this.#nextKeys.length;
      this.#next.set(key, to);
      this.#nextKeys.push(key);
      this.#nextLeast.push(least);
    }
    this.#nextLeast[to] = Math.min(this.#nextLeast[to] as number, least);
    this.#from.push((this.#firstState.at(-2) as number) + position);
    this.#to.push((this.#firstState.at(-1) as number) + to);
    this.#device.push(device);
    for (const sum of sums) this.#costs.push(sum);
    this.#sinceYield++;
  }

  /** A tensor that appears on a device and goes to the sink at once, if that wants it. */
  #make(tensor: number, home: number): Delivered | null {
    const code = (home << this.#bits) | (1 << home);
    const sink = this.#space.sinks[tensor] as number;
    return sink === 0 ? { code, costs: null } : this.#deliver(tensor, code, 31 - Math.clz32(sink));
  }

  #deliver(tensor: number, code: number, device: number): Delivered | null {
    if (((code >> device) & 1) === 1) return { code, costs: null };
    const known = this.#delivered[tensor] as Map<number, Delivered | null>;
    const key = code * 16 + device;
    let delivered = known.get(key);
    if (delivered === undefined) {
      delivered = this.#send(tensor, code >> this.#bits, code & (2 ** this.#bits - 1), device);
      known.set(key, delivered);
    }
    return delivered;
  }

  #send(tensor: number, home: number, reached: number, device: number): Delivered | null {
    const self = 1 << home;
    const before = this.#space.delivery(tensor, home, reached & ~self) as readonly number[];
    const after = this.#space.delivery(tensor, home, (reached | (1 << device)) & ~self);
    if (after === null) return null;
    const fresh = after.filter((link) => !before.includes(link));
    const { links } = this.#space;
    const costs = Float64Array.from(this.#tables, ({ hop }) =>
      fresh.reduce((sum, link) => sum + (hop[tensor * links + link] as number), 0),
    );
    if (costs[0] === Number.POSITIVE_INFINITY) return null;
    // Whatever the links in use reach as well is reached for nothing: states that differ only in
    // that are one.
    let closed = self | reached | (1 << device);
    for (let other = 0; other < this.#bits; other++) {
      const more = this.#space.delivery(tensor, home, (closed | (1 << other)) & ~self);
      if (more !== null && more.length === after.length) closed |= 1 << other;
    }
    return { code: (home << this.#bits) | closed, costs };
  }
}

/** For each position the sum over the nodes from there on of the cheapest device. */
function leastRest({ nodes, objective, unitOf, domains }: SearchSpace): Float64Array {
  const rest = new Float64Array(nodes + 1);
  for (let node = nodes - 1; node >= 0; node--) {
    const costs = devicesIn(domains[unitOf[node] as number] as number).map(
      (device) => objective.node[device * nodes + node] as number,
    );
    rest[node] = (rest[node + 1] as number) + Math.min(...costs);
  }
  return rest.map((cost) => cost * (1 - 1e-12));
}

function addTo(sums: number[] | Float64Array, costs: Float64Array | null): void {
  costs?.forEach((cost, at) => {
    sums[at] = (sums[at] as number) + cost;
  });
}
