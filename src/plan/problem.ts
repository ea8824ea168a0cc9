/**
 * The question that planners answer: which node on which device, for which objective, within which
 * limits. Names are resolved and costs tabulated once.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { Matrix } from "../base/matrix.ts";
import { bytes } from "../base/units.ts";
import { type Cargo, createHops, type Hops } from "../cost/hops.ts";
import type { DeviceProfile, Profile } from "../cost/profile.ts";
import type { Device, Topology } from "../cost/topology.ts";
import { type GraphIndex, indexGraph } from "../graph/graph.ts";
import { chooseCodecs } from "./codecs.ts";
import { privateSet } from "./keep-local.ts";
import type { Objective } from "./objective.ts";

/** Upper limits, all optional; limits of single devices' memory stand in the topology. */
export interface Limits {
  readonly latencySeconds?: number;
  readonly periodSeconds?: number;
  readonly energyJoules?: number;
  /** What each device may use of its memory, where the topology does not say less. */
  readonly memoryBytes?: number;
  /** A tensor all of whose ancestors stay on the source, or how many first nodes do. */
  readonly keepLocal?: string | number;
  /** Whether several devices may run a stage together, each for some of the rows. Default: no. */
  readonly tiles?: boolean;
}

export interface Problem {
  readonly profile: Profile;
  readonly topology: Topology;
  readonly objective: Objective;
  readonly limits: Limits;
  readonly index: GraphIndex;
  readonly devices: readonly Device[];
  /** What each device costs at speed 1; `null`: it only relays. */
  readonly kinds: readonly (DeviceProfile | null)[];
  /** Shape [devices, nodes]; `Infinity` where a device cannot run a node. */
  readonly seconds: Matrix;
  readonly hops: Hops;
  /** Bytes of each tensor on a link without a codec. */
  readonly linkBytes: readonly number[];
  readonly source: number;
  /** `null`: the answer may stay where it is made. */
  readonly sink: number | null;
  /** Nodes that privacy ties to the source. */
  readonly pinned: ReadonlySet<number>;
  /** Tensors that privacy forbids to leave the source. */
  readonly private: ReadonlySet<number>;
  /** Sets of nodes, each of two or more, that must share a device. */
  readonly groups: readonly (readonly number[])[];
}

/** Device position per node position. */
export type Placement = readonly number[];

/**
 * Joins a profile and a topology into a problem.
 *
 * @throws TOPOLOGY_INVALID if a device names a kind that the profile lacks, `inputBytes` names no
 * graph input, or energy is asked for where nothing has a power; TENSOR_UNKNOWN, USAGE_INVALID if
 * `keepLocal` does not fit the graph; GRAPH_INVALID
 */
export function createProblem(
  profile: Profile,
  topology: Topology,
  objective: Objective,
  limits: Limits = {},
): Problem {
  const index = indexGraph(profile.graph);
  const devices = withMemoryLimit(topology.devices, limits.memoryBytes);
  const kinds = topology.devices.map((device) => kindOf(device, profile));
  checkInputBytes(topology, index);
  checkEnergy(topology, objective, limits);
  const deviceByName = new Map(topology.devices.map(({ name }, position) => [name, position]));
  const cargo = findCargo(profile, topology);
  const sink = topology.sink === "anywhere" ? null : (deviceByName.get(topology.sink) as number);
  const kept = privateSet(index, limits.keepLocal);
  const problem: Problem = {
    profile,
    topology,
    objective,
    limits,
    index,
    devices,
    kinds,
    seconds: tabulate(topology.devices, kinds, index.graph.nodes.length),
    hops: createHops(topology, kinds, cargo),
    linkBytes: cargo.map(({ bytes }) => bytes),
    source: deviceByName.get(topology.source) as number,
    sink,
    pinned: kept.nodes,
    private: kept.tensors,
    groups: colocated(index),
  };
  return { ...problem, hops: chooseCodecs(problem) };
}

/** @param most what each of them may use of its memory, in bytes; left out: all */
export function withMemoryLimit(devices: readonly Device[], most?: number): readonly Device[] {
  return devices.map((device) => {
    const isLess = most !== undefined && most < (device.memoryBytes ?? Number.POSITIVE_INFINITY);
    return isLess ? { ...device, memoryBytes: bytes(most) } : device;
  });
}

/** What is already coded, as a graph input with bytes of its own, is not coded again. */
function findCargo({ graph }: Profile, { inputBytes }: Topology): Cargo[] {
  return graph.tensors.map(({ name, bytes, codecs }) => {
    const stated = graph.inputs.includes(name) ? inputBytes[name] : undefined;
    if (stated !== undefined) return { bytes: stated };
    return codecs === undefined ? { bytes } : { bytes, codecs };
  });
}

function kindOf(device: Device, profile: Profile): DeviceProfile | null {
  if (device.profile === "none") return null;
  const names = Object.keys(profile.devices);
  const name = device.profile ?? (names.length === 1 ? names[0] : undefined);
  const kind = name === undefined ? undefined : profile.devices[name];
  if (kind !== undefined) return kind;
  throw new CodedError(
    "TOPOLOGY_INVALID",
    device.profile === undefined
      ? `device '${device.name}' names no profile, and the profile has several kinds of device (${names.join(", ")}); write "profile: NAME"`
      : `device '${device.name}' has profile '${device.profile}', which was not measured (profiled: ${names.join(", ")})`,
  );
}

function tabulate(
  devices: readonly Device[],
  kinds: readonly (DeviceProfile | null)[],
  nodes: number,
): Matrix {
  const table = new Matrix(devices.length, nodes, Number.POSITIVE_INFINITY);
  kinds.forEach((kind, device) => {
    kind?.nodeSeconds.forEach((value, node) => {
      if (value !== null) table.set(device, node, value / (devices[device]?.speed ?? 1));
    });
  });
  return table;
}

function checkInputBytes(topology: Topology, index: GraphIndex): void {
  const unknown = Object.keys(topology.inputBytes).find(
    (name) => !index.graph.inputs.includes(name),
  );
  if (unknown === undefined) return;
  throw new CodedError(
    "TOPOLOGY_INVALID",
    `inputBytes names '${unknown}', which is no input of the graph (inputs: ${index.graph.inputs.join(", ")})`,
  );
}

function checkEnergy(topology: Topology, objective: Objective, limits: Limits): void {
  const asked =
    objective.type === "energy" ||
    objective.type === "weighted" ||
    limits.energyJoules !== undefined;
  const stated =
    topology.devices.some(({ busyWatts, idleWatts }) => busyWatts > 0 || idleWatts > 0) ||
    topology.links.some(({ energyJoulesPerBit }) => energyJoulesPerBit > 0);
  if (!asked || stated) return;
  throw new CodedError(
    "TOPOLOGY_INVALID",
    `energy is asked for, but no device states a power and no link an energy; write for instance "power: { busy: 4 W, idle: 1.5 W }"`,
  );
}

function colocated(index: GraphIndex): number[][] {
  const groups = new Map<string, number[]>();
  index.graph.nodes.forEach(({ colocation }, node) => {
    if (colocation === undefined) return;
    groups.set(colocation, [...(groups.get(colocation) ?? []), node]);
  });
  return [...groups.values()].filter((nodes) => nodes.length > 1);
}
