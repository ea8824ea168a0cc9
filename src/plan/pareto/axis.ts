import { CodedError } from "../../base/errors.ts";
import { type Bytes, bytes } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Claim } from "../plan.ts";
import type { Limits } from "../problem.ts";

/** What a front weighs against something else. */
export type Axis =
  | { readonly type: "latency" }
  | { readonly type: "energy" }
  /** As its period: smaller is better, as on all axes. */
  | { readonly type: "throughput" }
  /** What a device needs; `null`: what the device that needs the most does. */
  | { readonly type: "memory"; readonly device: string | null };

/** The first axis is the one to minimise where plans are made under limits of the other. */
export interface AxisPair {
  readonly minimised: Axis;
  readonly limited: Axis;
}

/**
 * Reads two of `latency`, `energy`, `throughput`, `memory` and `memory:DEVICE`, with a comma between.
 *
 * @throws USAGE_INVALID
 */
export function parseAxes(text: string, topology: Topology): readonly [Axis, Axis] {
  const names = text.split(",").map((name) => name.trim());
  const [first, second] = names.map((name) => parseAxis(name, topology));
  if (first === undefined || second === undefined || names.length !== 2) {
    throw usage(`a front has two axes, such as "latency,energy", not "${text}"`);
  }
  if (formatAxis(first) === formatAxis(second)) {
    throw usage(`"${text}" names ${formatAxis(first)} twice; a front weighs two different figures`);
  }
  if (first.type === "memory" && second.type === "memory") {
    throw usage(
      `"${text}" weighs memory against memory; one of the two must be latency, energy or throughput`,
    );
  }
  return [first, second];
}

function parseAxis(name: string, topology: Topology): Axis {
  if (name === "latency" || name === "energy" || name === "throughput") return { type: name };
  if (name === "memory") return { type: "memory", device: null };
  if (!name.startsWith("memory:")) {
    throw usage(
      `"${name}" is no axis of a front; write latency, energy, throughput, memory or memory:DEVICE`,
    );
  }
  const device = name.slice("memory:".length);
  const known = topology.devices.map((each) => each.name);
  if (known.includes(device)) return { type: "memory", device };
  throw usage(`"${name}" names no device of the topology (devices: ${known.join(", ")})`);
}

/** The inverse of what `parseAxes` does to one name. */
export function formatAxis(axis: Axis): string {
  if (axis.type !== "memory") return axis.type;
  return axis.device === null ? "memory" : `memory:${axis.device}`;
}

/** The unit of `valueOn`. */
export function unitOf(axis: Axis): "s" | "J" | "B" {
  switch (axis.type) {
    case "latency":
    case "throughput":
      return "s";
    case "energy":
      return "J";
    case "memory":
      return "B";
    default:
      return axis satisfies never;
  }
}

/** Where a plan lies on an axis; smaller is better. */
export function valueOn(axis: Axis, claimed: Claim): number {
  switch (axis.type) {
    case "latency":
      return claimed.latencySeconds;
    case "throughput":
      return claimed.periodSeconds;
    case "energy":
      return claimed.energyJoules;
    case "memory":
      return axis.device === null
        ? Math.max(...Object.values(claimed.memoryBytes))
        : (claimed.memoryBytes[axis.device] ?? 0);
    default:
      return axis satisfies never;
  }
}

/**
 * Which of two axes to minimise under limits of the other: memory is only ever a limit, and a sum is
 * easier to minimise under a limit of the period than the other way round.
 */
export function arrange([first, second]: readonly [Axis, Axis]): AxisPair {
  const isLimit =
    first.type === "memory" || (first.type === "throughput" && second.type !== "memory");
  return isLimit ? { minimised: second, limited: first } : { minimised: first, limited: second };
}

/** The topology and limits that hold an axis at or below a value. */
export function limitAxis(
  axis: Axis,
  most: number,
  topology: Topology,
  limits: Limits,
): { readonly topology: Topology; readonly limits: Limits } {
  const lower = (limit: number | undefined): number =>
    Math.min(limit ?? Number.POSITIVE_INFINITY, most);
  switch (axis.type) {
    case "latency":
      return { topology, limits: { ...limits, latencySeconds: lower(limits.latencySeconds) } };
    case "throughput":
      return { topology, limits: { ...limits, periodSeconds: lower(limits.periodSeconds) } };
    case "energy":
      return { topology, limits: { ...limits, energyJoules: lower(limits.energyJoules) } };
    case "memory":
      return { topology: capMemory(topology, axis.device, most), limits };
    default:
      return axis satisfies never;
  }
}

function capMemory(topology: Topology, only: string | null, most: number): Topology {
  const cap = (memoryBytes: Bytes | null): Bytes =>
    bytes(Math.min(memoryBytes ?? Number.POSITIVE_INFINITY, most));
  return {
    ...topology,
    devices: topology.devices.map((device) =>
      only === null || device.name === only
        ? { ...device, memoryBytes: cap(device.memoryBytes) }
        : device,
    ),
  };
}

function usage(message: string): CodedError {
  return new CodedError("USAGE_INVALID", `--pareto: ${message}`);
}
