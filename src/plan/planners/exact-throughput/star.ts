import { memoryBytes } from "../../../cost/memory.ts";
import type { Placement, Problem } from "../../problem.ts";
import { linksByEnds } from "../exact-pieces/twins.ts";
import {
  type AliveBytes,
  type DeviceClass,
  type LoadTerm,
  type StageChain,
  type StageModel,
  stageSeconds,
} from "../stage-chain/model.ts";
import type { UnitModel } from "./model.ts";

/** Devices that reach each other over one relay only, or two devices: every load is a stage's own. */
export interface Star {
  readonly model: StageModel;
  /** The devices of each class. */
  readonly devices: readonly (readonly number[])[];
  /** Whether loads are what `evaluate` says; else no more than that. */
  readonly isExact: boolean;
}

/** The links of a device to the relay and back. */
interface Spoke {
  readonly device: number;
  readonly up: number;
  readonly down: number;
}

interface Shape {
  readonly relay: number;
  readonly spokes: readonly Spoke[];
  /** Whether there is nobody else: then the relay's own work is that of its own stage. */
  readonly isPair: boolean;
}

/**
 * The problem as stages whose loads are their own; `null` if the devices are no star. Where the relay
 * works on what it passes on, is exclusive, or spokes share a medium, its loads are left out, and
 * the best chain is a bound. O(devices² · kinds of cargo + devices · flows) time.
 */
export function findStar(model: UnitModel): Star | null {
  const { problem, runners, contraction } = model;
  if (contraction.units.length === 0) return null;
  const ends = [problem.source, ...(problem.sink === null ? [] : [problem.sink])];
  const members = [...new Set([...runners, ...ends])];
  const shape = findShape(problem, members);
  if (shape === null) return null;
  const classes: DeviceClass[] = [];
  const devices: number[][] = [];
  const bare = { ...bytesOf(model), predecessors: contraction.predecessors, flows: model.flows };
  let constantSeconds = 0;
  for (const device of members) {
    const made = classOf(model, shape, device);
    const runner = runners.indexOf(device);
    if (runner < 0) {
      const idle = stageSeconds({ ...bare, classes: [], constantSeconds: 0 }, made, []);
      constantSeconds = Math.max(constantSeconds, idle);
      continue;
    }
    const known = classes.findIndex((other) => areAlike(other, made));
    if (known < 0) {
      classes.push(made);
      devices.push([device]);
    } else {
      devices[known]?.push(device);
    }
  }
  if (classes.length === 0 || devices.some(({ length }) => length > mostAlike)) return null;
  const counted = classes.map((one, at) => ({ ...one, count: devices[at]?.length as number }));
  return {
    model: { ...bare, classes: counted, constantSeconds },
    devices,
    isExact: isExact(model, shape),
  };
}

const mostAlike = 250;

/** The devices of a chain's stages, each class in its order. */
export function placeOnStar(model: UnitModel, star: Star, chain: StageChain): Placement {
  const placement: number[] = new Array(model.problem.index.graph.nodes.length).fill(0);
  const next = star.devices.map(() => 0);
  for (const { deviceClass, units } of chain) {
    const at = next[deviceClass] as number;
    next[deviceClass] = at + 1;
    const device = star.devices[deviceClass]?.[at] as number;
    for (const unit of units) {
      for (const node of model.contraction.units[unit] as readonly number[]) {
        placement[node] = device;
      }
    }
  }
  return placement;
}

/** The relay and everybody's links to it, if all routes between the members are these. */
function findShape(problem: Problem, members: readonly number[]): Shape | null {
  if (members.length < 2) return null;
  const links = linksByEnds(problem);
  if (members.length === 2) {
    const pair = spokesTo(problem, links, members[1] as number, members);
    if (pair !== null) return { relay: members[1] as number, spokes: pair, isPair: true };
  }
  for (const relay of problem.devices.keys()) {
    const spokes = spokesTo(problem, links, relay, members);
    if (spokes !== null && isRelayed(problem, spokes)) return { relay, spokes, isPair: false };
  }
  return null;
}

/** The links between each member and a device, if every tensor takes them; `null`: some does not. */
function spokesTo(
  { hops, devices }: Problem,
  links: Int32Array,
  relay: number,
  members: readonly number[],
): Spoke[] | null {
  const find = (from: number, to: number): number => {
    const link = links[from * devices.length + to] as number;
    const isRoute = (tensor: number): boolean => {
      const route = hops.route(from, to, tensor);
      return route?.length === 1 && route[0] === link;
    };
    return link >= 0 && hops.samples.every(isRoute) ? link : -1;
  };
  const spokes: Spoke[] = [];
  for (const device of members) {
    if (device === relay) continue;
    const spoke = { device, up: find(device, relay), down: find(relay, device) };
    if (spoke.up < 0 || spoke.down < 0) return null;
    spokes.push(spoke);
  }
  return spokes;
}

function isRelayed({ hops }: Problem, spokes: readonly Spoke[]): boolean {
  return spokes.every((from) =>
    spokes.every(
      (to) =>
        from === to ||
        hops.samples.every((tensor) => {
          const route = hops.route(from.device, to.device, tensor);
          return route?.length === 2 && route[0] === from.up && route[1] === to.down;
        }),
    ),
  );
}

function isExact({ problem, flows }: UnitModel, { relay, spokes, isPair }: Shape): boolean {
  const { hops, topology, devices } = problem;
  if (isPair) return true;
  if (devices[relay]?.communication === "exclusive") return false;
  return spokes.every(({ up, down }) => {
    const isFree = flows.every(
      ({ tensor }) => hops.receiveSeconds(up, tensor) === 0 && hops.sendSeconds(down, tensor) === 0,
    );
    const isAlone = topology.links.every(
      ({ medium }, link) =>
        medium === undefined ||
        link === up ||
        link === down ||
        (medium !== topology.links[up]?.medium && medium !== topology.links[down]?.medium),
    );
    return isFree && isAlone;
  });
}

function classOf(model: UnitModel, shape: Shape, device: number): DeviceClass {
  const { problem, runners, seconds, contraction } = model;
  const runner = runners.indexOf(device);
  const memory = problem.devices[device]?.memoryBytes ?? null;
  return {
    count: 1,
    seconds:
      seconds[runner] ?? new Float64Array(contraction.units.length).fill(Number.POSITIVE_INFINITY),
    terms: termsOf(model, shape, device),
    roomBytes: memory === null ? null : memory - (problem.kinds[device]?.overheadBytes ?? 0),
    isSource: device === problem.source,
    isSink: device === problem.sink,
  };
}

function termsOf({ problem, flows }: UnitModel, shape: Shape, device: number): LoadTerm[] {
  const { hops, topology } = problem;
  const isExclusive = problem.devices[device]?.communication === "exclusive";
  const price = (seconds: (tensor: number) => number): Float64Array =>
    Float64Array.from(flows, ({ tensor }) => seconds(tensor));
  const none = new Float64Array(flows.length);
  const own = ({ up, down }: { up: number; down: number }): LoadTerm => ({
    isComputing: true,
    enter: price((tensor) =>
      isExclusive ? hops.hopSeconds(down, tensor) : hops.receiveSeconds(down, tensor),
    ),
    leave: price((tensor) =>
      isExclusive ? hops.hopSeconds(up, tensor) : hops.sendSeconds(up, tensor),
    ),
  });
  const spoke = shape.spokes.find((one) => one.device === device);
  if (spoke === undefined) {
    const [other] = shape.spokes;
    if (!shape.isPair || other === undefined)
      return [{ isComputing: true, enter: none, leave: none }];
    // Seen from the other end, the same two links.
    return [own({ up: other.down, down: other.up })];
  }
  const enter = price((tensor) => hops.wireSeconds(spoke.down, tensor));
  const leave = price((tensor) => hops.wireSeconds(spoke.up, tensor));
  const first = own(spoke);
  // The whole hop holds the time on the wire, and in and out add up.
  if (isExclusive) return [first];
  const medium = topology.links[spoke.up]?.medium;
  if (medium !== undefined && medium === topology.links[spoke.down]?.medium) {
    return [first, { isComputing: false, enter, leave }];
  }
  return [
    first,
    { isComputing: false, enter, leave: none },
    { isComputing: false, enter: none, leave },
  ];
}

function bytesOf(model: UnitModel): { unitBytes: Float64Array; alive: AliveBytes } {
  const { problem, contraction, parameterBytes } = model;
  const { index } = problem;
  const nodesOf = (units: readonly number[]): number[] =>
    units.flatMap((unit) => contraction.units[unit] as readonly number[]).sort((a, b) => a - b);
  return {
    unitBytes: Float64Array.from(parameterBytes),
    alive: {
      of: (units) =>
        memoryBytes(index, nodesOf(units), 0) -
        units.reduce((sum, unit) => sum + (parameterBytes[unit] as number), 0),
      most: Float64Array.from(contraction.units, (nodes) => {
        const touched = new Set(
          nodes.flatMap((node) => [
            ...(index.nodeInputs[node] as readonly number[]),
            ...(index.nodeOutputs[node] as readonly number[]),
          ]),
        );
        return [...touched].reduce(
          (sum, tensor) => sum + (index.graph.tensors[tensor]?.bytes as number),
          0,
        );
      }),
    },
  };
}

/** Whether two devices may take each other's place. */
function areAlike(a: DeviceClass, b: DeviceClass): boolean {
  if ([a, b].some(({ isSource, isSink }) => isSource || isSink)) return false;
  return (
    a.roomBytes === b.roomBytes &&
    areEqual(a.seconds, b.seconds) &&
    a.terms.length === b.terms.length &&
    a.terms.every((term, at) => {
      const other = b.terms[at] as LoadTerm;
      return areEqual(term.enter, other.enter) && areEqual(term.leave, other.leave);
    })
  );
}

function areEqual(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, at) => value === b[at]);
}
