/**
 * Several models on the same devices, while devices and links come and go: what each is planned for.
 *
 * @module
 */

import { bytes } from "../base/units.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import type { Limits } from "../plan/problem.ts";
import { beside } from "../plan/problem-of-plan.ts";
import { type PlacedModel, reservationOf } from "../plan/several/remaining.ts";
import type { Coordinator } from "./coordinator.ts";
import type { Replan } from "./coordinator-options.ts";
import { missingEnd } from "./reduced-topology.ts";
import type { ClusterEvent } from "./status.ts";

/** A model that shares devices with others. */
export interface Sharer {
  /** No other model's. */
  readonly name: string;
  readonly profile: Profile;
  readonly limits: Limits;
  readonly requestsPerSecond: number;
  /** By which it runs, or soon will; `null`: it takes nothing. */
  plan(): Plan | null;
  /** Plans it for a topology from which the others have been taken off. */
  readonly replan: Replan;
}

/**
 * Plans a model for what the others leave of a topology. Those whose plans are whole there stay as
 * they are; of the rest, those that stand before it in the list are placed first, each by the same
 * rule: so each finds out by itself what all will do after a loss.
 *
 * @param sharers all models, in the order in which they have the choice
 * @returns the plan, which says what was reserved for others
 * @throws what `replan` throws
 */
export function planBeside(
  sharers: readonly Sharer[],
  sharer: Sharer,
  left: Topology,
  signal: AbortSignal,
): ReturnType<Replan> {
  return new Move(sharers, left, signal).planOf(sharer);
}

/**
 * Plans a model that does not run yet: where some that run have to move, they have the choice before it.
 *
 * @throws what `replan` throws
 */
export function planBehind(
  sharers: readonly Sharer[],
  sharer: Sharer,
  left: Topology,
  signal: AbortSignal,
): ReturnType<Replan> {
  const others = sharers.filter((other) => other !== sharer);
  return planBeside([...others, sharer], sharer, left, signal);
}

/**
 * What there is to plan one more model for. Coordinators hear of the same devices, one that has just
 * started of few yet; where none knows of source and sink, all devices are waited for.
 */
export function sharedWorld(
  topology: Topology,
  coordinators: Iterable<Pick<Coordinator, "world">>,
): Topology {
  const { inputBytes } = topology;
  const worlds = [...coordinators]
    .map(({ world }) => ({ ...world, inputBytes }))
    .filter((world) => missingEnd(world) === undefined);
  const most = Math.max(...worlds.map(({ devices }) => devices.length));
  return worlds.find(({ devices }) => devices.length === most) ?? topology;
}

/** Whether a model takes more of the devices, or less, than it did before. */
export function hasMoved({ type }: ClusterEvent): boolean {
  return type === "serving" || type === "drained";
}

/**
 * Bytes of a device that a model takes.
 *
 * @param coordinator `null`: it has none yet
 * @param plan by which it runs, ran last or soon will; `null`: it takes nothing
 */
export function takenBytes(
  coordinator: Pick<Coordinator, "takesBytes"> | null,
  plan: Plan | null,
  device: string,
): number {
  const taken = coordinator?.takesBytes(device) ?? 0;
  return Math.max(taken, plan?.claimed.memoryBytes[device] ?? 0);
}

/** Models in a topology that not all of their plans are whole in. */
class Move {
  readonly #sharers: readonly Sharer[];
  readonly #left: Topology;
  readonly #signal: AbortSignal;
  readonly #planned = new Map<Sharer, ReturnType<Replan>>();

  constructor(sharers: readonly Sharer[], left: Topology, signal: AbortSignal) {
    this.#sharers = sharers;
    this.#left = left;
    this.#signal = signal;
  }

  planOf(sharer: Sharer): ReturnType<Replan> {
    const planned = this.#planned.get(sharer) ?? this.#plan(sharer);
    this.#planned.set(sharer, planned);
    return planned;
  }

  async #plan(sharer: Sharer): ReturnType<Replan> {
    const { profile, limits } = sharer;
    const others = await this.#othersOf(sharer);
    if (others.length === 0) return await sharer.replan(this.#left, this.#signal);
    const reserved = reservationOf(this.#left, others);
    const found = beside(this.#left, reserved, profile, limits);
    const answer = await sharer.replan(found, this.#signal);
    return "infeasible" in answer ? answer : { ...answer, reserved };
  }

  async #othersOf(sharer: Sharer): Promise<PlacedModel[]> {
    const position = this.#sharers.indexOf(sharer);
    const others: PlacedModel[] = [];
    for (const [place, other] of this.#sharers.entries()) {
      const current = other.plan();
      if (other === sharer || current === null) continue;
      const stays = isWhole(current, this.#left);
      // Those behind it make do with what it leaves.
      if (!stays && place > position) continue;
      const plan = stays ? current : await this.planOf(other);
      if ("infeasible" in plan) continue;
      const { name, profile, requestsPerSecond } = other;
      others.push({ name, profile, requestsPerSecond, plan });
    }
    return others;
  }
}

/** Whether a topology has all devices and links of a plan. */
export function isWhole({ stages, transfers }: Plan, { devices, links }: Topology): boolean {
  const names = new Set(devices.map(({ name }) => name));
  const pairs = new Set(links.map(({ from, to }) => JSON.stringify([from, to])));
  return (
    stages.every((stage) => stage.devices.every((device) => names.has(device))) &&
    transfers.every(({ from, to }) => pairs.has(JSON.stringify([from, to])))
  );
}

/** What is left of the memory of devices when others have taken theirs. */
export function withoutBytes(topology: Topology, takenBytes: (device: string) => number): Topology {
  return {
    ...topology,
    devices: topology.devices.map((device) =>
      device.memoryBytes === null
        ? device
        : {
            ...device,
            memoryBytes: bytes(Math.max(0, device.memoryBytes - takenBytes(device.name))),
          },
    ),
  };
}
