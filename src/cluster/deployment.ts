/**
 * A plan as its devices run it: what each one computes, receives, sends on and answers with.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { codecNames } from "../codec/codec.ts";
import type { Topology } from "../cost/topology.ts";
import { type Graph, type GraphIndex, indexGraph } from "../graph/graph.ts";
import { regionSize } from "../graph/window.ts";
import { type Plan, refuseJoinedTiles } from "../plan/plan.ts";
import { type StageWork, worksOf } from "../plan/stage-works.ts";
import { compose } from "./compositions.ts";
import { type Hop, hopsOf } from "./deployed-hops.ts";
import { type DeployedStage, deployStage } from "./deployed-stages.ts";
import {
  type Composition,
  type Extents,
  extentsOf,
  readRegion,
  regionName,
} from "./region-name.ts";

export type { DeployedStage } from "./deployed-stages.ts";

/** One hop: a tensor, or a region of one, that a device passes on as soon as it has it, made here or not. */
export interface Forward {
  readonly tensor: string;
  readonly to: string;
  /** What the plan says the hop weighs; differs from the tensor's own bytes for coded inputs. */
  readonly bytes: number;
  /** The same for each byte of the tensor, where `bytes` are for as many requests as are joined at most. */
  readonly weightPerByte?: number;
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
  /** Graph outputs, or regions of them, that this device gives to whoever asked. */
  readonly answers: readonly string[];
  /** Left out: all tensors are whole, and none of them could be cut. */
  readonly tiling?: Tiling;
}

/** How a device deals with regions. */
export interface Tiling {
  /** Of the tensors that it has to do with. */
  readonly extents: Extents;
  /** What it cuts or puts together. */
  readonly compositions: readonly Composition[];
}

export interface Deployment {
  readonly generation: number;
  /** Where graph inputs enter. */
  readonly source: string;
  /** Graph inputs that somebody needs; the others are not sent anywhere. */
  readonly entering: readonly string[];
  /** All that devices answer with: graph outputs, or regions that make them up. */
  readonly outputs: readonly string[];
  /** Every device that takes part, if only as a relay, and the source, in the order of the topology. */
  readonly devices: readonly DeviceDeployment[];
}

/**
 * Works out who does what under a plan. Two hops that meet at the coordinator's relay become one:
 * what it passes on are frames, of which it knows nothing. O(nodes · stages + transfers) time; regions
 * of one tensor on one device count to the third power.
 *
 * @throws PLAN_INVALID if the plan names what graph or topology lack or a codec that is not known,
 * has several devices run what cannot be cut, joins requests that are run in tiles, or its transfers leave somebody without a tensor or
 * bring it twice
 */
export function createDeployment(
  plan: Plan,
  graph: Graph,
  topology: Pick<Topology, "devices" | "source" | "sink">,
  generation: number,
): Deployment {
  refuseJoinedTiles(plan);
  const index = indexGraph(graph);
  const extents = extentsOf(index);
  const works = plan.stages.flatMap((stage) => worksOf(index, stage));
  const answers = answersOf(plan, index, works, topology, extents);
  const hops = hopsOf(plan, topology, extents);
  const most = plan.batch?.most ?? 1;
  const wholly = { index, extents, works, answers, hops, topology, most };
  const devices = topology.devices.flatMap(({ name }): DeviceDeployment[] => {
    const deployed = deployDevice(name, generation, wholly);
    // Requests live on the source, even if a graph reads none of its inputs.
    const { stages, receives, forwards, answers: own } = deployed;
    const count = stages.length + receives.length + forwards.length + own.length;
    return name === topology.source || count > 0 ? [deployed] : [];
  });
  checkNames(plan, topology);
  const atSource = devices.find(({ device }) => device === topology.source);
  return {
    generation,
    source: topology.source,
    entering: (atSource?.receives ?? [])
      .filter(({ from }) => from === null)
      .map(({ tensor }) => tensor),
    outputs: answers.map(({ name }) => name),
    devices,
  };
}

/** A plan, taken apart. */
interface Wholly {
  readonly index: GraphIndex;
  readonly extents: Extents;
  readonly works: readonly StageWork[];
  readonly answers: readonly PlacedRegion[];
  readonly hops: readonly Hop[];
  readonly topology: Pick<Topology, "source">;
  /** How many requests the plan joins at most. */
  readonly most: number;
}

interface PlacedRegion {
  readonly name: string;
  readonly device: string;
}

function deployDevice(device: string, generation: number, wholly: Wholly): DeviceDeployment {
  const { index, extents, works, hops, topology } = wholly;
  const stages = works
    .filter((work) => work.device === device)
    .map((work) => deployStage(index, work, extents));
  const forwards = hops
    .filter(({ from }) => from === device)
    .map(({ name, to, bytes, codec, via }) => ({
      tensor: name,
      to,
      bytes,
      ...weightOf(name, bytes, wholly),
      ...formOf(codec),
      ...(via === undefined ? {} : { via }),
    }));
  const answers = wholly.answers.filter((one) => one.device === device).map(({ name }) => name);
  const wanted = new Set([
    ...stages.flatMap(({ inputs }) => inputs),
    ...forwards.map(({ tensor }) => tensor),
    ...answers,
  ]);
  const tensorsWanted = new Set([...wanted].map((name) => readRegion(name, extents).tensor));
  const entering =
    device === topology.source
      ? index.graph.inputs.filter((tensor) => tensorsWanted.has(tensor))
      : [];
  const receives = [
    ...entering.map((tensor) => ({ tensor, from: null })),
    ...hops
      .filter(({ to }) => to === device)
      .map(({ name, from, codec }) => ({ tensor: name, from, ...formOf(codec) })),
  ];
  const deployed = { device, generation, stages, receives, forwards, answers };
  const compositions = supply(deployed, wanted, extents);
  const own = [
    ...wanted,
    ...receives.map(({ tensor }) => tensor),
    ...stages.flatMap(({ outputs }) => outputs),
  ];
  const tiling = { extents: extentsFor(own, extents), compositions };
  return Object.keys(tiling.extents).length === 0 ? deployed : { ...deployed, tiling };
}

function extentsFor(names: readonly string[], extents: Extents): Extents {
  const tensors = new Set(names.map((name) => readRegion(name, extents).tensor));
  return Object.fromEntries(Object.entries(extents).filter(([tensor]) => tensors.has(tensor)));
}

function weightOf(
  name: string,
  bytes: number,
  { index, most }: Wholly,
): { weightPerByte?: number } {
  const own = index.graph.tensors[index.tensorByName.get(name) ?? -1]?.bytes ?? 0;
  return most === 1 || own === 0 ? {} : { weightPerByte: bytes / (own * most) };
}

/** @throws PLAN_INVALID */
function formOf(codec: string | undefined): { codec?: string } {
  if (codec === undefined) return {};
  if (codecNames.includes(codec)) return { codec };
  throw invalid(
    `the plan codes with '${codec}', which this version does not know (known: ${codecNames.join(", ")}); plan again`,
  );
}

/** What each device gives away: of each graph output all of it at the sink, or where it is made. */
function answersOf(
  plan: Plan,
  index: GraphIndex,
  works: readonly StageWork[],
  topology: Pick<Topology, "source" | "sink">,
  extents: Extents,
): PlacedRegion[] {
  return index.outputs.flatMap((tensor): PlacedRegion[] => {
    const name = index.graph.tensors[tensor]?.name ?? "";
    if (topology.sink !== "anywhere") return [{ name, device: topology.sink }];
    const producer = index.producer[tensor] ?? null;
    if (producer === null) return [{ name, device: topology.source }];
    const members = works.filter(({ nodes }) => nodes.includes(producer));
    if (members.length < 2) {
      const node = index.graph.nodes[producer]?.name ?? "";
      return [{ name, device: plan.placement[node] ?? "" }];
    }
    return members.flatMap(({ device, outputs }) => {
      const region = outputs?.get(tensor) ?? [];
      return regionSize(region) > 0 && region.length > 0
        ? [{ device, name: regionName(name, region, extents) }]
        : [];
    });
  });
}

/**
 * Everything that a device wants must be made there or arrive; of what cannot be cut exactly once.
 *
 * @returns how it puts together what it has in regions
 * @throws PLAN_INVALID
 */
function supply(
  { device, receives, stages }: Pick<DeviceDeployment, "device" | "receives" | "stages">,
  wanted: ReadonlySet<string>,
  extents: Extents,
): Composition[] {
  const supplied = [
    ...receives.filter(({ from }) => from === null).map(({ tensor }) => tensor),
    ...stages.flatMap(({ outputs }) => outputs),
    ...receives.filter(({ from }) => from !== null).map(({ tensor }) => tensor),
  ];
  const known = new Set(supplied);
  const compositions = [...wanted].flatMap((name): Composition[] => {
    if (known.has(name)) return [];
    const composition = compose(name, known, extents);
    if (composition !== null) return [composition];
    throw invalid(`device '${device}' never gets tensor '${name}' under this plan; plan again`);
  });
  const counts = new Map<string, number>();
  for (const name of supplied) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const [name, times] of counts) {
    // Regions of several devices overlap where they make some of them twice.
    if (times === 1 || isCut(name, extents)) continue;
    throw invalid(
      `device '${device}' gets ${times} times tensor '${name}' under this plan; plan again`,
    );
  }
  return compositions;
}

/** Whether it is a region, and not all of its tensor. */
function isCut(name: string, extents: Extents): boolean {
  return readRegion(name, extents).tensor !== name;
}

function checkNames(plan: Plan, topology: Pick<Topology, "devices">): void {
  const known = new Set(topology.devices.map(({ name }) => name));
  const named = [
    ...plan.stages.flatMap(({ devices }) => devices),
    ...plan.stages.flatMap(({ tiles = [] }) => tiles.map(({ device }) => device)),
    ...plan.transfers.flatMap(({ from, to }) => [from, to]),
  ];
  const unknown = named.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw invalid(
    `the plan uses device '${unknown}', which the topology lacks (devices: ${[...known].join(", ")})`,
  );
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
