import { bytes } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../plan.ts";
import { type DeviceReservation, type Reservation, topologyLeft } from "../reservation.ts";
import { usageOf } from "./usage.ts";

/** A model with a plan, and how often it is asked. */
export interface PlacedModel {
  readonly name: string;
  readonly profile: Profile;
  readonly plan: Plan;
  readonly requestsPerSecond: number;
}

/**
 * What models take of a topology together. It does not depend on their order, nor on the topologies
 * that their plans were made for.
 *
 * @throws as `usageOf`
 */
export function reservationOf(topology: Topology, models: readonly PlacedModel[]): Reservation {
  const usages = models.map(({ profile, plan, requestsPerSecond }) => {
    return { ...usageOf(topology, profile, plan), requestsPerSecond };
  });
  const sum = (of: (usage: (typeof usages)[number]) => number): number =>
    usages.reduce((total, usage) => total + of(usage), 0);
  const devices = topology.devices.flatMap(({ name }, device): [string, DeviceReservation][] => {
    const utilisation = sum((usage) => usage.requestsPerSecond * at(usage.deviceSeconds, device));
    const memoryBytes = sum((usage) => at(usage.memoryBytes, device));
    if (utilisation === 0 && memoryBytes === 0) return [];
    return [[name, { utilisation, memoryBytes: bytes(memoryBytes) }]];
  });
  const links = topology.links.flatMap(({ from, to }, link) => {
    const utilisation = sum((usage) => usage.requestsPerSecond * at(usage.linkSeconds, link));
    return utilisation === 0 ? [] : { from, to, utilisation };
  });
  return {
    models: models.map(({ name, requestsPerSecond }) => ({ name, requestsPerSecond })),
    devices: Object.fromEntries(devices),
    links,
  };
}

/**
 * What models leave of a topology: what another one is planned for.
 *
 * @throws as `usageOf`
 */
export function remainingTopology(topology: Topology, models: readonly PlacedModel[]): Topology {
  return topologyLeft(topology, reservationOf(topology, models));
}

function at(values: readonly number[], position: number): number {
  return values[position] as number;
}
