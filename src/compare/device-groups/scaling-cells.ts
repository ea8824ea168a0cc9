import { createRandom } from "../../base/random.ts";
import type { Profile } from "../../cost/profile.ts";
import { evaluate } from "../../plan/evaluate.ts";
import { exact } from "../../plan/planners/exact.ts";
import { findStarts } from "../../plan/planners/exact-pieces/model.ts";
import { pipedge } from "../../plan/planners/pipedge.ts";
import { single } from "../../plan/planners/single.ts";
import { createProblem, type Problem } from "../../plan/problem.ts";
import { answerOf } from "../answer.ts";
import type { StudyHost } from "../study.ts";
import { equalSpeed, speeds, unequalDevices } from "./grids.ts";
import { meshTopology, picturesAsBytes } from "./mesh.ts";

/** Seconds of a period on equal devices. */
export interface ScalingCell {
  readonly type: "scaling";
  readonly network: string;
  readonly devices: number;
  readonly megabitsPerSecond: number;
  /** Between the cuts that `pipedge` may choose among. */
  readonly pieces: number;
  readonly single: number;
  readonly pipedge: number;
  readonly exact: number;
  readonly guests: Readonly<Record<string, number | null>>;
}

export function scalingCell(
  host: StudyHost,
  profile: Profile,
  {
    devices,
    megabitsPerSecond,
    limitSeconds,
  }: {
    devices: number;
    megabitsPerSecond: number;
    limitSeconds: number;
  },
): ScalingCell {
  const problem = problemOf(profile, Array(devices).fill(equalSpeed), megabitsPerSecond);
  const limited = { ...host, limitSeconds };
  const guests = host.guests.map(
    (guest) => [guest.name, answerOf(guest, problem, limited).value] as const,
  );
  return {
    type: "scaling",
    network: profile.graph.name,
    devices,
    megabitsPerSecond,
    pieces: findStarts(problem).length - 1,
    single: answerOf(single, problem, host).value as number,
    pipedge: answerOf(pipedge, problem, host).value as number,
    exact: answerOf(exact, problem, limited).value as number,
    guests: Object.fromEntries(guests),
  };
}

/**
 * Unequal devices: a plan made for their mean speed, as a method for equal devices has it, beside one
 * made for their true speeds; arrays are by draw of speeds.
 */
export interface UnequalCell {
  readonly type: "unequal";
  readonly network: string;
  readonly devices: number;
  readonly megabitsPerSecond: number;
  readonly assumedEqual: readonly number[];
  readonly pipedge: readonly number[];
  readonly single: readonly number[];
  readonly exact: readonly (number | null)[];
  readonly guests: Readonly<Record<string, readonly (number | null)[]>>;
}

export function unequalCell(
  host: StudyHost,
  profile: Profile,
  {
    megabitsPerSecond,
    draws,
    limitSeconds,
  }: {
    megabitsPerSecond: number;
    draws: number;
    limitSeconds: number;
  },
): UnequalCell {
  const limited = { ...host, limitSeconds };
  const guests: Record<string, (number | null)[]> = {};
  const cell = {
    assumedEqual: [] as number[],
    pipedge: [] as number[],
    single: [] as number[],
    exact: [] as (number | null)[],
  };
  for (let draw = 1; draw <= draws; draw++) {
    const random = createRandom(draw);
    const own = Array.from({ length: unequalDevices }, () => random.pick(speeds));
    const mean = own.reduce((sum, speed) => sum + speed, 0) / own.length;
    const assumed = problemOf(profile, Array(own.length).fill(mean), megabitsPerSecond);
    const problem = problemOf(profile, own, megabitsPerSecond);
    cell.assumedEqual.push(asPlannedFor(host, assumed, problem));
    cell.pipedge.push(answerOf(pipedge, problem, host).value as number);
    cell.single.push(answerOf(single, problem, host).value as number);
    cell.exact.push(answerOf(exact, problem, limited).value);
    for (const guest of host.guests) {
      const { value } = answerOf(guest, problem, limited);
      guests[guest.name] = [...(guests[guest.name] ?? []), value];
    }
  }
  const network = profile.graph.name;
  const where = { type: "unequal", network, devices: unequalDevices, megabitsPerSecond } as const;
  return { ...where, ...cell, guests };
}

function problemOf(profile: Profile, own: readonly number[], megabitsPerSecond: number): Problem {
  const { graph } = profile;
  const topology = meshTopology(own, megabitsPerSecond * 1e6, picturesAsBytes(graph));
  return createProblem(profile, topology, { type: "throughput" });
}

/** The period of a plan where the devices are other than it was made for. */
function asPlannedFor(host: StudyHost, assumed: Problem, problem: Problem): number {
  const { plan } = answerOf(pipedge, assumed, host);
  const deviceOf = new Map(problem.devices.map(({ name }, device) => [name, device]));
  const placement = problem.index.graph.nodes.map(
    ({ name }) => deviceOf.get(plan?.placement[name] ?? "") as number,
  );
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}
