/**
 * The plans that a coordinator knows, by number, ready to be deployed under any generation.
 *
 * @module
 */
import type { Topology } from "../cost/topology.ts";
import { type Graph, indexGraph } from "../graph/graph.ts";
import { regionOf } from "../graph/region-value.ts";
import { regionSize } from "../graph/window.ts";
import type { Plan } from "../plan/plan.ts";
import type { DeployedJoining, OfferedPart } from "./control-message.ts";
import { pairOf, type Shape } from "./coordination/state.ts";
import { createDeployment, type Deployment, type DeviceDeployment } from "./deployment.ts";
import type { PartCutter } from "./parts.ts";
import { readRegion } from "./region-name.ts";
import { windowOf } from "./window.ts";

/** A plan, taken apart. */
export interface BookedPlan {
  readonly number: number;
  readonly plan: Plan;
  readonly shape: Shape;
  readonly parts: ReadonlyMap<string, readonly OfferedPart[]>;
}

export class PlanBook {
  readonly #plans = new Map<number, BookedPlan>();
  /** By what is run, so that plans that differ in nothing of it have one number. */
  readonly #byWork = new Map<string, BookedPlan>();
  /** By number. */
  readonly #deployments = new Map<number, Deployment>();
  readonly #graph: Graph;
  readonly #topology: Topology;
  readonly #cutter: PartCutter;

  constructor(graph: Graph, topology: Topology, cutter: PartCutter) {
    this.#graph = graph;
    this.#topology = topology;
    this.#cutter = cutter;
  }

  /** @throws PLAN_INVALID if it does not fit graph or topology */
  add(plan: Plan): BookedPlan {
    const work = workOf(plan);
    const known = this.#byWork.get(work);
    if (known !== undefined) return known;
    const number = this.#plans.size + 1;
    const deployment = createDeployment(plan, this.#graph, this.#topology, 0);
    const parts = this.#cutter.cut(plan);
    const booked = { number, plan, shape: shapeOf(deployment), parts };
    this.#plans.set(number, booked);
    this.#byWork.set(work, booked);
    this.#deployments.set(number, deployment);
    return booked;
  }

  get(number: number): BookedPlan {
    const found = this.#plans.get(number);
    if (found === undefined) throw neverMade(number);
    return found;
  }

  /** The work of a plan under a generation. O(devices). */
  deploymentOf(number: number, generation: number): Deployment {
    const known = this.#deployments.get(number);
    if (known === undefined) throw neverMade(number);
    const devices = known.devices.map((device) => ({ ...device, generation }));
    return { ...known, generation, devices };
  }

  /**
   * How many requests may be in flight under a plan: what fills it, unless that is more than a device
   * can hold beside its parts; and how they are joined, if they are. What waits to be joined while all
   * else is full is asked of clients, too.
   *
   * @param memoryOf what a device may use in bytes; `null`: as much as it likes
   * @param wanted so many in flight, instead of what fills the plan
   */
  roomOf(
    number: number,
    memoryOf: (device: string) => number | null,
    wanted: number | null,
  ): { readonly window: number; readonly joining?: DeployedJoining } {
    const { plan } = this.get(number);
    const { most, waitSeconds } = plan.batch ?? { most: 1, waitSeconds: 0 };
    const fits = this.#fitting(number, memoryOf);
    const rows = wanted ?? Math.max(1, Math.min(most * windowOf(plan), fits));
    if (most === 1) return { window: rows };
    const passes = Math.min(windowOf(plan), rows);
    const joining = { most: Math.min(most, rows), waitSeconds, passes, rows };
    return { window: rows + joining.most, joining };
  }

  /** Requests that each device can hold beside its parts. */
  #fitting(number: number, memoryOf: (device: string) => number | null): number {
    const { plan } = this.get(number);
    const rooms = this.deploymentOf(number, 0).devices.map((deployed) => {
      const memory = memoryOf(deployed.device);
      const held = heldBytes(this.#graph, deployed);
      if (memory === null || held === 0) return Number.POSITIVE_INFINITY;
      return Math.floor((memory - (plan.claimed.memoryBytes[deployed.device] ?? 0)) / held);
    });
    return Math.min(...rooms);
  }
}

function neverMade(number: number): Error {
  return new Error(`plan ${number} was never made`);
}

/** All of a plan that is run. */
function workOf({ stages, transfers, threads, batch }: Plan): string {
  return JSON.stringify([
    stages,
    transfers.map(({ seconds: _, ...transfer }) => transfer),
    threads,
    batch === undefined ? null : [batch.most, batch.waitSeconds],
  ]);
}

/** Each device of a plan talks to the source, too, where requests live. */
function shapeOf({ devices, source }: Deployment): Shape {
  const names = devices.map(({ device }) => device);
  const hops = devices.flatMap(({ device, forwards }) =>
    forwards.map(({ to }) => pairOf(device, to)),
  );
  const toSource = names.filter((name) => name !== source).map((name) => pairOf(name, source));
  const pairs = new Map([...hops, ...toSource].map((pair) => [`${pair.a}\n${pair.b}`, pair]));
  return { devices: names, pairs: [...pairs.values()] };
}

/** What a device holds of one request at most: all that comes, all that it makes or puts together. */
function heldBytes(graph: Graph, { receives, stages, tiling }: DeviceDeployment): number {
  const { tensors } = indexGraph(graph).graph;
  const sizes = new Map(tensors.map(({ name, bytes }) => [name, bytes]));
  const held = new Set([
    ...receives.map(({ tensor }) => tensor),
    ...stages.flatMap(({ outputs }) => outputs),
    ...(tiling?.compositions ?? []).map(({ name }) => name),
  ]);
  const { extents = {} } = tiling ?? {};
  return [...held].reduce((sum, name) => {
    const { tensor, region } = readRegion(name, extents);
    const share =
      region === null ? 1 : regionSize(region) / regionSize(regionOf(extents[tensor] ?? []));
    return sum + (sizes.get(tensor) ?? 0) * share;
  }, 0);
}
