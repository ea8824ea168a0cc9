import { createRandom } from "../../base/random.ts";
import type { Planner } from "../../plan/planner.ts";
import { exact } from "../../plan/planners/exact.ts";
import { greedy } from "../../plan/planners/greedy.ts";
import type { ColourRules } from "../../plan/planners/kpath/colour-coding.ts";
import { matchPaths } from "../../plan/planners/kpath/matching.ts";
import { planParts, refusesParts } from "../../plan/planners/kpath/plan-parts.ts";
import { createProblem, type Problem } from "../../plan/problem.ts";
import { answerOf } from "../answer.ts";
import {
  heldBytes,
  type KpathChain,
  type KpathPartition,
  partitionByLeastSum,
  partsProfile,
  roomForOnePart,
  transferMbit,
} from "../kpath-chain.ts";
import type { StudyHost } from "../study.ts";
import { wifiTopology } from "../wifi-topology.ts";
import { drawCount, drawStarts } from "./random-draws.ts";

const mebibyte = 2 ** 20;
const bitsOfSize = (mbit: number): number => (mbit * 1e6) / 8;

/**
 * The published parts of a network, placed by several methods on the same topologies: seconds of the
 * slowest link, by topology.
 */
export interface PlacementCell {
  readonly type: "placement";
  readonly model: string;
  readonly capMebibytes: number;
  readonly devices: number;
  readonly parts: number;
  /** The means of cuts and devices drawn at random; its parts may be above the cap, as published. */
  readonly random: readonly number[];
  /** By name of the method; `null`: it found nothing. */
  readonly methods: Readonly<Record<string, readonly (number | null)[]>>;
  readonly exact: readonly number[];
  /** The largest transfer over the fastest link. */
  readonly bound: readonly number[];
}

/** `null`: the network fits one part, or its parts are more than the devices. */
export function placementCell(
  host: StudyHost,
  chain: KpathChain,
  {
    capMebibytes,
    devices,
    topologies,
  }: {
    capMebibytes: number;
    devices: number;
    topologies: number;
  },
): PlacementCell | null {
  const division = partitionByLeastSum(chain, capMebibytes * mebibyte, "published");
  if (division === null || division.cuts.length === 0) return null;
  if (division.cuts.length >= devices) return null;
  const profile = partsProfile(chain, division);
  const planners = [
    greedy,
    placing("kpath-published", chain, "published"),
    placing("kpath", chain, "mended"),
    ...host.guests,
  ];
  const methods: Record<string, (number | null)[]> = {};
  const cell = { random: [] as number[], exact: [] as number[], bound: [] as number[] };
  for (let seed = 1; seed <= topologies; seed++) {
    const topology = wifiTopology({ devices, seed, memoryBytes: roomForOnePart });
    const problem = createProblem(profile, topology, { type: "throughput" });
    for (const planner of planners) {
      const { value } = answerOf(planner, problem, host);
      methods[planner.name] = [...(methods[planner.name] ?? []), value];
    }
    cell.exact.push(answerOf(exact, problem, host).value as number);
    cell.random.push(randomSeconds(problem, chain, capMebibytes * mebibyte, seed));
    cell.bound.push(boundOf(problem, division));
  }
  const { model } = chain;
  const parts = division.cuts.length + 1;
  return { type: "placement", model, capMebibytes, devices, parts, methods, ...cell };
}

/** `kpath` on given parts, with the classes of all the network's cuts. */
function placing(name: string, chain: KpathChain, rules: ColourRules): Planner {
  const sent = transferMbit(chain, "published").map(bitsOfSize);
  const range = [Math.min(...sent), Math.max(...sent)] as const;
  return {
    name,
    optimalAmong: null,
    refuses: refusesParts,
    plan: (problem, { random }) =>
      planParts(problem, "mended", function* (task) {
        const found = yield* matchPaths({ ...task, range }, random, rules);
        return found === null ? [] : [found];
      }),
  };
}

/** Mean over draws of cuts and of devices. */
function randomSeconds(problem: Problem, chain: KpathChain, cap: number, seed: number): number {
  const random = createRandom(seed);
  const sent = transferMbit(chain, "published");
  const pieces = chain.points.length;
  const fits = (start: number, end: number): boolean =>
    heldBytes(chain, "published", start, end) < cap;
  let total = 0;
  for (let draw = 0; draw < drawCount; draw++) {
    const starts = drawStarts({ pieces, fits }, random) ?? [];
    const order = random.shuffle(problem.devices.map((_, device) => device));
    const slowest = starts.slice(1).reduce((worst, start, part) => {
      const rate = rateBetween(problem, order[part] as number, order[part + 1] as number);
      return Math.max(worst, ((sent[start - 1] as number) * 1e6) / rate);
    }, 0);
    total += slowest;
  }
  return total / drawCount;
}

function rateBetween({ hops, topology }: Problem, from: number, to: number): number {
  const link = hops.links.findIndex((ends) => ends.from === from && ends.to === to);
  return topology.links[link]?.bandwidthBitsPerSecond as number;
}

function boundOf({ topology }: Problem, { mbit }: KpathPartition): number {
  const fastest = Math.max(...topology.links.map((link) => link.bandwidthBitsPerSecond));
  return (Math.max(...mbit) * 1e6) / fastest;
}
