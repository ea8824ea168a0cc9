import { bytes } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../plan.ts";
import { type DeviceReservation, type Reservation, topologyLeft } from "../reservation.ts";
import { type Usage, usageOf } from "./usage.ts";

/** A model with a plan, and how often it is asked. */
export interface PlacedModel {
  /** No other model's. */
  readonly name: string;
  readonly profile: Profile;
  readonly plan: Plan;
  readonly requestsPerSecond: number;
}

/** A model by what it asks of a topology. */
export type UsingModel = Pick<PlacedModel, "name" | "requestsPerSecond"> & {
  readonly usage: Usage;
};

/**
 * What models leave of a topology: what another one is planned for.
 *
 * @throws as `usageOf`
 */
export function remainingTopology(topology: Topology, models: readonly PlacedModel[]): Topology {
  return topologyLeft(topology, reservationOf(topology, models));
}

/**
 * What models take of a topology together. It does not depend on their order, nor on the topologies
 * that their plans were made for.
 *
 * @throws as `usageOf`
 */
export function reservationOf(topology: Topology, models: readonly PlacedModel[]): Reservation {
  return reserve(
    topology,
    models.map((model) => usingModel(topology, model)),
  );
}

/** @throws as `usageOf` */
export function usingModel(topology: Topology, model: PlacedModel): UsingModel {
  const { name, requestsPerSecond, profile, plan } = model;
  return { name, requestsPerSecond, usage: usageOf(topology, profile, plan) };
}

/** The same for models whose usage is known. O(models · (devices + links)) time. */
export function reserve(topology: Topology, models: readonly UsingModel[]): Reservation {
  const total = (of: (model: UsingModel) => number): number =>
    models.reduce((sum, model) => sum + of(model), 0);
  const devices = topology.devices.flatMap(({ name }, device): [string, DeviceReservation][] => {
    const utilisation = total(
      ({ requestsPerSecond, usage }) => requestsPerSecond * at(usage.deviceSeconds, device),
    );
    const memoryBytes = total(({ usage }) => at(usage.memoryBytes, device));
    if (utilisation === 0 && memoryBytes === 0) return [];
    return [[name, { utilisation, memoryBytes: bytes(memoryBytes) }]];
  });
  const links = topology.links.flatMap(({ from, to }, link) => {
    const utilisation = total(
      ({ requestsPerSecond, usage }) => requestsPerSecond * at(usage.linkSeconds, link),
    );
    return utilisation === 0 ? [] : { from, to, utilisation };
  });
  return {
    models: models.map(({ name, requestsPerSecond }) => ({ name, requestsPerSecond })),
    devices: Object.fromEntries(devices),
    links,
  };
}

function at(values: readonly number[], position: number): number {
  return values[position] as number;
}
