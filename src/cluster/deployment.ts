/**
 * A plan as its devices run it: what each one computes, receives, sends on and answers with.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { codecNames } from "../codec/codec.ts";
import type { Topology } from "../cost/topology.ts";
import { type Graph, type GraphIndex, indexGraph } from "../graph/graph.ts";
import type { Plan, Stage, Transfer } from "../plan/plan.ts";

/** What one device runs at once. */
export interface DeployedStage {
  readonly id: string;
  /** Tensors that it needs, graph inputs included; may be empty. */
  readonly inputs: readonly string[];
  /** Tensors that others need: another stage, or whoever asked. */
  readonly outputs: readonly string[];
}

/** One hop: a tensor that a device passes on as soon as it has it, made here or not. */
export interface Forward {
  readonly tensor: string;
  readonly to: string;
  /** What the plan says the hop weighs; differs from the tensor's own bytes for coded inputs. */
  readonly bytes: number;
  /** In which form it goes; left out: as it is. */
  readonly codec?: string;
  /** The device that passes its frames on without taking part; left out: they go there directly. */
  readonly via?: string;
}

/** A tensor that comes from elsewhere; `from: null`: it enters here. */
export interface Arrival {
  readonly tensor: string;
  readonly from: string | null;
  /** In which form it comes; left out: as it is. */
  readonly codec?: string;
}

export interface DeviceDeployment {
  readonly device: string;
  readonly generation: number;
  /** In an order in which each stands behind those that feed it; empty for a relay. */
  readonly stages: readonly DeployedStage[];
  /** Each tensor once. */
  readonly receives: readonly Arrival[];
  readonly forwards: readonly Forward[];
  /** Graph outputs that this device gives to whoever asked. */
  readonly answers: readonly string[];
}

export interface Deployment {
  readonly generation: number;
  /** Where graph inputs enter. */
  readonly source: string;
  /** Graph inputs that somebody needs; the others are not sent anywhere. */
  readonly entering: readonly string[];
  readonly outputs: readonly string[];
  /** Every device that takes part, if only as a relay, and the source, in the order of the topology. */
  readonly devices: readonly DeviceDeployment[];
}

/**
 * Works out who does what under a plan. Two hops that meet at the coordinator's relay become one:
 * what it passes on are frames, of which it knows nothing. O(nodes · stages + transfers) time.
 *
 * @throws PLAN_INVALID if the plan names what graph or topology lack or a codec that is not known,
 * splits a stage over several devices, or its transfers leave somebody without a tensor or bring it
 * twice
 */
export function createDeployment(
  plan: Plan,
  graph: Graph,
  topology: Pick<Topology, "devices" | "source" | "sink">,
  generation: number,
): Deployment {
  const index = indexGraph(graph);
  const stages = plan.stages.map((stage) => deployStage(index, stage));
  const answering = answersOf(plan, index, topology);
  const transfers = throughRelays(plan.transfers, topology);
  const devices = topology.devices.flatMap(({ name }): DeviceDeployment[] => {
    const own = stages.filter((_, position) => plan.stages[position]?.devices[0] === name);
    const forwards = transfers
      .filter(({ from }) => from === name)
      .map(({ tensor, to, bytes, codec, via }) => ({
        tensor,
        to,
        bytes,
        ...formOf(codec),
        ...(via === undefined ? {} : { via }),
      }));
    const answers = answering.filter(({ device }) => device === name).map(({ tensor }) => tensor);
    const arriving = transfers.filter(({ to }) => to === name);
    const wanted = new Set([
      ...own.flatMap(({ inputs }) => inputs),
      ...forwards.map(({ tensor }) => tensor),
      ...answers,
    ]);
    const entering =
      name === topology.source ? graph.inputs.filter((tensor) => wanted.has(tensor)) : [];
    const receives = [
      ...entering.map((tensor) => ({ tensor, from: null })),
      ...arriving.map(({ tensor, from, codec }) => ({ tensor, from, ...formOf(codec) })),
    ];
    const deployed = { device: name, generation, stages: own, receives, forwards, answers };
    checkSupply(deployed, wanted);
    // Requests live on the source, even if a graph reads none of its inputs.
    const takesPart = name === topology.source || wanted.size + receives.length + own.length > 0;
    return takesPart ? [deployed] : [];
  });
  checkNames(plan, topology);
  const atSource = devices.find(({ device }) => device === topology.source);
  return {
    generation,
    source: topology.source,
    entering: (atSource?.receives ?? [])
      .filter(({ from }) => from === null)
      .map(({ tensor }) => tensor),
    outputs: graph.outputs,
    devices,
  };
}

interface Hop extends Pick<Transfer, "tensor" | "from" | "to" | "bytes" | "codec"> {
  readonly via?: string;
}

/** The hops between devices that take part: what reaches a relay goes on from whoever sent it. */
function throughRelays(
  transfers: readonly Transfer[],
  { devices }: Pick<Topology, "devices">,
): readonly Hop[] {
  const relays = new Set(
    devices.filter(({ relay }) => relay !== undefined).map(({ name }) => name),
  );
  if (relays.size === 0) return transfers;
  return transfers.flatMap((hop): Hop[] => {
    if (relays.has(hop.to)) return [];
    if (!relays.has(hop.from)) return [hop];
    const first = transfers.find(({ tensor, to }) => tensor === hop.tensor && to === hop.from);
    // Without one, nobody has the tensor: the check of what arrives will say so.
    return first === undefined ? [] : [{ ...hop, from: first.from, via: hop.from }];
  });
}

/** @throws PLAN_INVALID */
function formOf(codec: string | undefined): { codec?: string } {
  if (codec === undefined) return {};
  if (codecNames.includes(codec)) return { codec };
  throw invalid(
    `the plan codes with '${codec}', which this version does not know (known: ${codecNames.join(", ")}); plan again`,
  );
}

function deployStage(index: GraphIndex, stage: Stage): DeployedStage {
  if (stage.devices.length !== 1) {
    throw invalid(
      `stage '${stage.id}' is on ${stage.devices.length} devices (${stage.devices.join(", ")}); a stage runs on one`,
    );
  }
  const nodes = new Set(
    stage.nodes.map((name) => {
      const node = index.nodeByName.get(name);
      if (node !== undefined) return node;
      throw invalid(
        `stage '${stage.id}' has a node '${name}', which graph '${index.graph.name}' lacks`,
      );
    }),
  );
  const inputs = new Set<number>();
  const outputs: number[] = [];
  for (const node of nodes) {
    for (const tensor of index.nodeInputs[node] ?? []) {
      const producer = index.producer[tensor] ?? null;
      if (producer === null || !nodes.has(producer)) inputs.add(tensor);
    }
    for (const tensor of index.nodeOutputs[node] ?? []) {
      const consumers = index.consumers[tensor] ?? [];
      const leaves = consumers.some((consumer) => !nodes.has(consumer));
      if (leaves || index.outputs.includes(tensor)) outputs.push(tensor);
    }
  }
  return {
    id: stage.id,
    inputs: [...inputs].map((tensor) => nameOf(index, tensor)),
    outputs: outputs.map((tensor) => nameOf(index, tensor)),
  };
}

/** Each graph output with the device that gives it away: the sink, or where it is. */
function answersOf(
  plan: Plan,
  index: GraphIndex,
  topology: Pick<Topology, "source" | "sink">,
): { tensor: string; device: string }[] {
  return index.outputs.map((tensor) => {
    const producer = index.producer[tensor] ?? null;
    const node = producer === null ? undefined : index.graph.nodes[producer];
    const home = node === undefined ? topology.source : (plan.placement[node.name] ?? "");
    return {
      tensor: nameOf(index, tensor),
      device: topology.sink === "anywhere" ? home : topology.sink,
    };
  });
}

/** Everything a device wants must be made there or arrive, and exactly once. */
function checkSupply(deployed: DeviceDeployment, wanted: ReadonlySet<string>): void {
  const supply = new Map<string, number>();
  const supplied = [
    ...deployed.receives.map(({ tensor }) => tensor),
    ...deployed.stages.flatMap(({ outputs }) => outputs),
  ];
  for (const tensor of supplied) supply.set(tensor, (supply.get(tensor) ?? 0) + 1);
  for (const tensor of new Set([...wanted, ...supplied])) {
    const times = supply.get(tensor) ?? 0;
    if (times === 1) continue;
    const how = times === 0 ? "never gets" : `gets ${times} times`;
    throw invalid(
      `device '${deployed.device}' ${how} tensor '${tensor}' under this plan; plan again`,
    );
  }
}

function checkNames(plan: Plan, topology: Pick<Topology, "devices">): void {
  const known = new Set(topology.devices.map(({ name }) => name));
  const named = [
    ...plan.stages.flatMap(({ devices }) => devices),
    ...plan.transfers.flatMap(({ from, to }) => [from, to]),
  ];
  const unknown = named.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw invalid(
    `the plan uses device '${unknown}', which the topology lacks (devices: ${[...known].join(", ")})`,
  );
}

function nameOf(index: GraphIndex, tensor: number): string {
  return index.graph.tensors[tensor]?.name ?? "";
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
