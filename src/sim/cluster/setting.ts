import { createRandom, type Random } from "../../base/random.ts";
import { type Bytes, seconds } from "../../base/units.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { TensorType } from "../../graph/tensor-value.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { modelOfGraph } from "./digest-runtime.ts";
import { meshOf, relayed } from "./mesh.ts";
import { bestOf, type Planned, problemOf, profileOf } from "./planned.ts";

/** A small world for a cluster: what runs, on what, and who plans it. */
export interface Setting {
  /** Of the model among those on the same devices; `null`: it is there alone. */
  readonly key: ModelKey;
  /** With the graph that runs. */
  readonly profile: Profile;
  readonly topology: Topology;
  /** Of the devices that join: a relay does not. */
  readonly names: readonly string[];
  /** Of those without any of which everything can run: neither source nor sink. */
  readonly spare: readonly string[];
  readonly model: OnnxModel;
  /** Of the graph's only input, `x`. */
  readonly input: TensorType;
  /** What each agent's parts may take: little more than any plan's, so that no two find room; `null`: no limit. */
  readonly memoryBytes: number | null;
  readonly secondsOf: (node: string) => number;
  readonly bytesOf: (tensor: string) => number;
  /** Whether others can dial a device. */
  readonly isHidden: (device: string) => boolean;
  /** Whether somebody plans anew as soon as there is more, or less, to plan with. */
  readonly followsWorld: boolean;
  /**
   * Plans for what is left of the topology, spread over many devices; equal for equal topologies.
   *
   * @param seed of another plan
   */
  readonly plan: (topology: Topology, seed?: number) => Planned;
}

/** Of the models on the same devices; these are the same in all. */
export type Settings = readonly [Setting, ...Setting[]];

/** Bytes of each node's parameters; fewer would travel in the skeleton. */
const weightBytes = 2048;

/** Of what programs send; the graph says something else, of which nobody takes notice. */
const inputBytes = 40;

/** More than a piece. */
const largeBytes = 300_000;

export interface PlainChoices {
  /** Of the model; `null` (the default): it is alone. */
  readonly key?: ModelKey;
  /** Whether tensors are [rows, bytes], and all of them are made from the input. Default: no. */
  readonly hasRows?: boolean;
}

/**
 * Three to five devices, all with links to all, and a graph of three to six nodes of some
 * milliseconds. In some settings the answer is wanted on a device of its own, in some no device has
 * the memory for everything, in some a device other than the source cannot be dialled, in few a
 * tensor travels in pieces, and in some all but the source reach each other only through the
 * coordinator, which the topology lists as a relay.
 */
export function plainSettingOf(
  seed: number,
  { key = null, hasRows = false }: PlainChoices = {},
): Setting {
  const random = createRandom(seed);
  const names = Array.from({ length: 3 + random.integer(3) }, (_, index) => `d${index}`);
  const isLarge = random.next() < 0.03;
  const graph = { ...randomGraph(random, isLarge, hasRows), name: key ?? "simulated" };
  const isTight = random.next() < 0.3;
  const sinkAt = random.next();
  const isRelayed = !isTight && createRandom(seed + 2 ** 29).next() < 0.1;
  const mesh = meshOf(names, {
    memoryBytes: isTight ? memoryForSome(graph) : null,
    // A device other than the source, in a quarter.
    sink: sinkAt < 0.5 ? "anywhere" : sinkAt < 0.75 ? "d0" : (names.at(-1) as string),
  });
  const topology = isRelayed ? relayed(mesh) : mesh;
  const hidden = new Set(names.slice(1).filter(() => random.next() < 0.15 || isRelayed));
  const nodeSeconds = graph.nodes.map(() => seconds(random.integer(20) / 1000));
  const durations = new Map(graph.nodes.map(({ name }, node) => [name, nodeSeconds[node]]));
  const sizes = new Map<string, number>(graph.tensors.map(({ name, bytes }) => [name, bytes]));
  const profile = profileOf(graph, nodeSeconds);
  return {
    key,
    profile,
    topology,
    names,
    spare: isTight ? [] : names.slice(1, -1),
    model: modelOfGraph(graph, weightBytes),
    input: { dataType: "uint8", shape: hasRows ? [1, inputBytes] : [inputBytes] },
    memoryBytes:
      isTight && createRandom(seed + 2 ** 27).next() < 0.5
        ? memoryForParts(memoryForSome(graph))
        : null,
    secondsOf: (node) => durations.get(node) ?? 0,
    bytesOf: (tensor) => sizes.get(tensor) ?? 32,
    isHidden: (device) => hidden.has(device),
    followsWorld: random.next() < 0.5,
    plan: remembered((left, another = 0) => planSpread(left, profile, seed + another * 2 ** 16)),
  };
}

/** Asked the same again, it need not plan again. */
export function remembered(plan: Setting["plan"]): Setting["plan"] {
  const plans = new Map<string, ReturnType<Setting["plan"]>>();
  return (topology, seed) => {
    const key = JSON.stringify([topology.devices, topology.links, seed]);
    const known = plans.get(key) ?? plan(topology, seed);
    plans.set(key, known);
    return known;
  };
}

function randomGraph(random: Random, isLarge: boolean, hasRows: boolean): Omit<Graph, "name"> {
  const tensor = (name: string): Tensor => {
    // One tensor that travels in pieces is enough, and slow enough.
    const bytes = isLarge && name === "t0" ? largeBytes : 32 + random.integer(600);
    return { name, dataType: "uint8", shape: [bytes], bytes: bytes as Bytes };
  };
  const tensors = [tensor("x")];
  const nodes: Node[] = [];
  const count = 3 + random.integer(4);
  for (let index = 0; index < count; index++) {
    const reads = [...new Set([random.pick(tensors), random.pick(tensors)])].map(
      ({ name }) => name,
    );
    const made = tensor(`t${index}`);
    nodes.push({
      name: `n${index}`,
      operator: "Op",
      inputs: random.next() < 0.08 && !hasRows ? [] : reads,
      outputs: [made.name],
      flop: null,
      parameterBytes: weightBytes as Bytes,
    });
    tensors.push(made);
  }
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  // Somebody reads the input, so that every answer is of its request.
  const [last] = nodes.slice(-1);
  if (!read.has("x") && last !== undefined) {
    nodes[nodes.length - 1] = { ...last, inputs: [...last.inputs, "x"] };
  }
  const outputs = nodes.map(({ outputs: [made] }) => made as string).filter((t) => !read.has(t));
  return { inputs: ["x"], outputs, tensors, nodes };
}

/** About two thirds of what everything together takes. */
export function memoryForSome({ nodes, tensors }: Graph): Bytes {
  const alive = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.ceil((nodes.length * weightBytes * 2) / 3 + alive) as Bytes;
}

/** What plans allow for, and a little more: a part of its own takes what its runtime needs besides. */
export function memoryForParts(planned: Bytes): number {
  return Math.ceil(1.3 * planned);
}

/**
 * Of some random placements that are allowed, the one that uses most devices, since that is where
 * most can go wrong.
 */
function planSpread(topology: Topology, profile: Profile, seed: number): Planned {
  const { graph } = profile;
  const problem = problemOf(topology, profile);
  const count = topology.devices.length;
  const random = createRandom(seed + 2 ** 31);
  const candidates = [
    graph.nodes.map(() => problem.source),
    ...Array.from({ length: 12 }, () => graph.nodes.map(() => random.integer(count))),
  ].map((placement) => ({ placement, tiles: [] }));
  return bestOf(problem, candidates, seed, ({ placement }) => new Set(placement).size);
}
