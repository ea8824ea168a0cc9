import type { ClusterEvent } from "../status.ts";
import type { CoordinationState } from "./state.ts";
import { inRole, servingOf } from "./world.ts";

/** A ClusterEvent without its moment. */
export type Happening = ClusterEvent extends infer E
  ? E extends ClusterEvent
    ? Omit<E, "atSeconds">
    : never
  : never;

/**
 * What has happened between two states, for whoever watches; that a device joined is not among it,
 * since states know no addresses. Pure; O(devices + links + generations).
 */
export function historyBetween(before: CoordinationState, after: CoordinationState): Happening[] {
  if (before === after) return [];
  return [
    ...departures(before, after),
    ...linkChanges(before, after),
    ...generationChanges(before, after),
    ...verdicts(before, after),
  ];
}

function departures(before: CoordinationState, after: CoordinationState): Happening[] {
  if (before.devices === after.devices) return [];
  return Object.entries(after.devices).flatMap(([device, { joined, why }]): Happening[] =>
    before.devices[device]?.joined === true && !joined
      ? [{ type: "left", device, why: why ?? "it left the cluster" }]
      : [],
  );
}

function linkChanges(before: CoordinationState, after: CoordinationState): Happening[] {
  if (before.cuts === after.cuts) return [];
  const down = after.cuts.filter((pair) => !before.cuts.includes(pair));
  const up = before.cuts.filter((pair) => !after.cuts.includes(pair));
  return [
    ...down.map(({ a, b }): Happening => ({ type: "linkDown", from: a, to: b })),
    ...up.map(({ a, b }): Happening => ({ type: "linkUp", from: a, to: b })),
  ];
}

function generationChanges(before: CoordinationState, after: CoordinationState): Happening[] {
  if (before.generations === after.generations) return [];
  const known = new Map(before.generations.map((one) => [one.generation, one]));
  const left = new Set(after.generations.map(({ generation }) => generation));
  const begun = after.generations
    .filter(({ generation, role }) => !known.has(generation) && role === "candidate")
    .map(({ generation, cause }): Happening => ({ type: "preparing", generation, cause }));
  const gone = before.generations.filter(({ generation }) => !left.has(generation));
  const ended = gone.flatMap(({ generation, cause, role }): Happening[] => {
    if (role === "draining") return [{ type: "drained", generation, cause }];
    return role === "serving" ? [{ type: "retired", generation, cause }] : [];
  });
  const serving = inRole(after, "serving");
  const isNew = serving !== undefined && known.get(serving.generation)?.role !== "serving";
  if (!isNew) return [...begun, ...ended];
  const { generation, cause } = serving;
  return [...begun, { type: "serving", generation, cause }, ...ended];
}

function verdicts(before: CoordinationState, after: CoordinationState): Happening[] {
  const found: Happening[] = [];
  if (!before.suspended && after.suspended) {
    const message = `device '${after.sink}', where the answers are wanted, is lost`;
    const error = { code: "DEVICE_LOST", message, details: { device: after.sink } } as const;
    found.push({ type: "suspended", error });
  }
  const why = after.planned?.why ?? null;
  const isNews = before.planned !== after.planned && servingOf(after) === undefined;
  if (why !== null && isNews) found.push({ type: "noPlan", why });
  if (!before.ended && after.ended) found.push({ type: "ended", error: after.failure });
  return found;
}
