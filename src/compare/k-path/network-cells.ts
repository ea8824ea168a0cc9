import { createRandom } from "../../base/random.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Planner } from "../../plan/planner.ts";
import { exact } from "../../plan/planners/exact.ts";
import { greedy } from "../../plan/planners/greedy.ts";
import { candidateCuts } from "../../plan/planners/kpath/parts.ts";
import { kpath } from "../../plan/planners/kpath.ts";
import { single } from "../../plan/planners/single.ts";
import { createProblem, type Problem } from "../../plan/problem.ts";
import { answerOf } from "../answer.ts";
import { roomForOnePart } from "../kpath-chain.ts";
import type { StudyHost } from "../study.ts";
import { wifiTopology } from "../wifi-topology.ts";
import { contractParts } from "./contract-parts.ts";
import { meanOfDraws } from "./random-draws.ts";

const mebibyte = 2 ** 20;

/** A network cut and placed by each method on the same topologies; arrays are by topology. */
export interface NetworkCell {
  readonly type: "network";
  /** `links`: only transfers count, devices are alike; `compute`: devices of three speeds. */
  readonly setting: "links" | "compute";
  readonly network: string;
  readonly capMebibytes: number;
  readonly devices: number;
  /** Of `kpath`; 0: it found nothing. */
  readonly parts: readonly number[];
  readonly single: readonly (number | null)[];
  /** Mean of random chains that are allowed. */
  readonly random: readonly (number | null)[];
  /** Seconds of a period, by name of the planner; `null`: no plan. */
  readonly methods: Readonly<Record<string, readonly (number | null)[]>>;
  /** Why `kpath-published` had no plan, if it had none: the first reason. */
  readonly publishedReason: string | null;
  /** The parts of `kpath` placed as well as can be. */
  readonly placed: readonly (number | null)[];
  readonly exact: readonly (number | null)[];
  readonly bound: readonly (number | null)[];
  readonly decisionSeconds: Readonly<Record<string, readonly number[]>>;
}

export interface NetworkSetting {
  readonly setting: NetworkCell["setting"];
  readonly capMebibytes: number;
  readonly devices: number;
  readonly topologies: number;
  /** Of `exact`. */
  readonly limitSeconds: number;
  /** `kpath` as published for this network: it counts otherwise than the profile says. */
  readonly published: Planner;
}

/** Of the machine that was measured: a small board, and boards half and twice as fast. */
export const speeds = [0.05, 0.1, 0.2] as const;

/** Asks every method on each topology. */
export function networkCell(
  host: StudyHost,
  profile: Profile,
  setting: NetworkSetting,
): NetworkCell {
  const { published } = setting;
  const planners = [greedy, published, kpath, ...host.guests];
  const cell = {
    parts: [] as number[],
    single: [] as (number | null)[],
    random: [] as (number | null)[],
    placed: [] as (number | null)[],
    exact: [] as (number | null)[],
    bound: [] as (number | null)[],
  };
  const methods: Record<string, (number | null)[]> = {};
  const decisionSeconds: Record<string, number[]> = {};
  let publishedReason: string | null = null;
  const note = (name: string, taken: number): void => {
    decisionSeconds[name] = [...(decisionSeconds[name] ?? []), taken];
  };
  for (let seed = 1; seed <= setting.topologies; seed++) {
    const topology = topologyOf(profile, setting, seed);
    const problem = createProblem(profile, topology, { type: "throughput" });
    for (const planner of planners) {
      const answer = answerOf(planner, problem, host);
      methods[planner.name] = [...(methods[planner.name] ?? []), answer.value];
      note(planner.name, answer.decisionSeconds);
      if (planner === published) publishedReason ??= answer.reason ?? null;
      if (planner !== kpath) continue;
      cell.parts.push(answer.plan?.stages.length ?? 0);
      cell.placed.push(
        answer.plan === null
          ? null
          : placeAnew(host, contractParts(profile, answer.plan), topology),
      );
    }
    cell.single.push(answerOf(single, problem, host).value);
    cell.random.push(randomPeriod(problem, seed));
    const best = answerOf(exact, problem, { ...host, limitSeconds: setting.limitSeconds });
    cell.exact.push(best.value);
    cell.bound.push(best.bound);
    note("exact", best.decisionSeconds);
  }
  const { setting: kind, capMebibytes, devices } = setting;
  const network = profile.graph.name;
  const where = { type: "network", setting: kind, network, capMebibytes, devices } as const;
  return { ...where, ...cell, methods, publishedReason, decisionSeconds };
}

function topologyOf(
  { graph }: Profile,
  { setting, capMebibytes, devices }: NetworkSetting,
  seed: number,
): Topology {
  const options = { devices, seed, memoryBytes: capMebibytes * mebibyte };
  if (setting === "links") return wifiTopology({ ...options, inputBytes: { input: 0 } });
  const random = createRandom(seed + 2 ** 20);
  const pictures = graph.tensors.filter(
    ({ name, shape }) => graph.inputs.includes(name) && shape.length === 4,
  );
  return wifiTopology({
    ...options,
    speeds: Array.from({ length: devices }, () => random.pick(speeds)),
    inputBytes: Object.fromEntries(pictures.map(({ name, bytes }) => [name, bytes / 4])),
    sink: "d0",
  });
}

/** The best placement of given parts, one a device. */
function placeAnew(host: StudyHost, profile: Profile, topology: Topology): number | null {
  const devices = topology.devices.map((device) => ({
    ...device,
    memoryBytes: roomForOnePart as typeof device.memoryBytes,
  }));
  const problem = createProblem(profile, { ...topology, devices }, { type: "throughput" });
  return answerOf(exact, problem, { ...host, limitSeconds: 5 }).value;
}

function randomPeriod(problem: Problem, seed: number): number | null {
  const members = problem.devices.map((_, device) => device);
  const { starts, fits } = candidateCuts(problem, members, "mended");
  const pieces = starts.length - 1;
  return meanOfDraws(problem, { pieces, fits }, starts, createRandom(seed));
}
