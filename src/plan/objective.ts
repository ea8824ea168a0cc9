/**
 * What a plan is to make small.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";

/**
 * `latency` and `energy` of one inference, the `throughput` as its period, or a weighted sum of
 * latency and energy in seconds.
 */
export type Objective =
  | { readonly type: "latency" }
  | { readonly type: "energy" }
  | { readonly type: "throughput" }
  | { readonly type: "weighted"; readonly latency: number; readonly energySecondsPerJoule: number };

/**
 * Reads `latency`, `energy`, `throughput`, or a sum such as `latency + 0.2 s/J · energy`.
 *
 * @throws USAGE_INVALID
 */
export function parseObjective(text: string): Objective {
  const name = text.trim();
  if (name === "latency" || name === "energy" || name === "throughput") return { type: name };
  const number = String.raw`(\d+\.?\d*(?:[eE][+-]?\d+)?)`;
  const pattern = new RegExp(
    String.raw`^(?:${number}\s*[·*]\s*)?latency\s*\+\s*${number}\s*s/J\s*[·*]\s*energy$`,
  );
  const match = pattern.exec(name);
  if (match !== null) {
    return {
      type: "weighted",
      latency: match[1] === undefined ? 1 : Number(match[1]),
      energySecondsPerJoule: Number(match[2]),
    };
  }
  throw new CodedError(
    "USAGE_INVALID",
    `objective "${text}" is unknown; write latency, throughput, energy, or a sum such as "latency + 0.2 s/J · energy"`,
  );
}

/** The inverse of `parseObjective`. */
export function formatObjective(objective: Objective): string {
  if (objective.type !== "weighted") return objective.type;
  const { latency, energySecondsPerJoule } = objective;
  const first = latency === 1 ? "latency" : `${latency} · latency`;
  return `${first} + ${energySecondsPerJoule} s/J · energy`;
}

/**
 * The factors of latency (per second) and energy (per joule) in an objective that is a sum over
 * nodes and hops; `null` for throughput, which is a maximum.
 */
export function additiveFactors(objective: Objective): { latency: number; energy: number } | null {
  switch (objective.type) {
    case "latency":
      return { latency: 1, energy: 0 };
    case "energy":
      return { latency: 0, energy: 1 };
    case "weighted":
      return { latency: objective.latency, energy: objective.energySecondsPerJoule };
    case "throughput":
      return null;
    default:
      return objective satisfies never;
  }
}

/** What an objective compares: seconds or joules, smaller is better. */
export function objectiveValue(objective: Objective, figures: Figures): number {
  const factors = additiveFactors(objective);
  if (factors === null) return figures.periodSeconds;
  return factors.latency * figures.latencySeconds + factors.energy * figures.energyJoules;
}

/** Of one inference. */
export interface Figures {
  readonly latencySeconds: number;
  readonly periodSeconds: number;
  readonly energyJoules: number;
}
