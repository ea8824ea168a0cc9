import type { Topology } from "../cost/topology.ts";
import { shareOfNode } from "../graph/tile.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import { worksOf } from "../plan/stage-works.ts";

/** What was seen of the world in a while, by position in the topology. */
export interface Observation {
  readonly devices: readonly {
    readonly device: number;
    /** How many times longer its work took than at its stated speed. */
    readonly slowDown: number;
    readonly count: number;
    /** For which it was taken, altogether. */
    readonly busySeconds: number;
  }[];
  readonly links: readonly {
    readonly link: number;
    readonly bitsPerSecond: number;
    readonly count: number;
  }[];
  /** Transfers that are under way for so long that their link cannot carry more than this. */
  readonly bounds: readonly {
    readonly link: number;
    readonly bitsPerSecond: number;
    /** What has come of it came at this rate; left out: nobody has seen any of it. */
    readonly seenBitsPerSecond?: number;
  }[];
  /** Links that are being probed. */
  readonly probing?: readonly number[];
}

/** Figures of a running plan, by name. */
export interface Figures {
  readonly stages: readonly {
    readonly stage: string;
    readonly device: string;
    /** Of passes of so many rows; left out: of as many as the problem is for. */
    readonly rows?: number;
    readonly count: number;
    /** Median seconds for which the device was taken. */
    readonly busySeconds: number;
  }[];
  readonly hops: readonly {
    readonly from: string;
    readonly to: string;
    readonly count: number;
    /** Median; `null`: no transfer was large enough to tell. */
    readonly goodputBitsPerSecond: number | null;
  }[];
  /** The oldest transfer of each hop of which the other side has not said that it is there. */
  readonly pending?: readonly {
    readonly from: string;
    readonly to: string;
    readonly bytes: number;
    readonly seconds: number;
    /** At which what has come of it came in; left out: nobody has seen any of it. */
    readonly seenBitsPerSecond?: number;
  }[];
  /** Pairs of devices between which a probe is under way. */
  readonly probing?: readonly { readonly from: string; readonly to: string }[];
}

/**
 * Compares figures of a running plan with what the problem predicts.
 *
 * Stages that take less than `leastSeconds` say nothing about a device: the clock and the runtime's
 * own work are most of them. A hop between devices without a link of their own counts for the
 * slowest link of the way; what is seen on one link of a medium holds, in proportion, for its others.
 *
 * @param problem in the topology's own state
 * @param problemFor the same for passes of so many rows
 */
export function observe(
  problem: Problem,
  plan: Pick<Plan, "stages">,
  figures: Figures,
  problemFor: (rows: number) => Problem = () => problem,
): Observation {
  return {
    devices: observeDevices(problem, plan, figures, problemFor),
    links: figures.hops.flatMap(({ from, to, count, goodputBitsPerSecond }) =>
      goodputBitsPerSecond === null || count === 0
        ? []
        : spread(problem.topology, linkOf(problem, from, to), goodputBitsPerSecond).map((seen) => ({
            ...seen,
            count,
          })),
    ),
    bounds: (figures.pending ?? []).flatMap(({ from, to, bytes, seconds, seenBitsPerSecond }) => {
      const link = linkOf(problem, from, to);
      const { latencySeconds = 0 } = problem.topology.links[link ?? -1] ?? {};
      const onTheWay = seconds - 2 * latencySeconds;
      if (onTheWay <= 0) return [];
      const most = (8 * bytes) / onTheWay;
      const bounds = spread(problem.topology, link, most);
      if (seenBitsPerSecond === undefined) return bounds;
      const share = seenBitsPerSecond / most;
      return bounds.map((bound) => ({ ...bound, seenBitsPerSecond: share * bound.bitsPerSecond }));
    }),
    probing: (figures.probing ?? []).flatMap(({ from, to }) => linkOf(problem, from, to) ?? []),
  };
}

const leastSeconds = 1e-3;

function observeDevices(
  problem: Problem,
  { stages }: Pick<Plan, "stages">,
  figures: Figures,
  problemFor: (rows: number) => Problem,
): Observation["devices"] {
  const sizes = new Set(figures.stages.map(({ rows }) => rows));
  const known = new Map(
    [...sizes].map((rows) => {
      const sized = rows === undefined ? problem : problemFor(rows);
      return [rows, predictedSeconds(sized, stages)] as const;
    }),
  );
  return problem.devices.flatMap(({ name }, device) => {
    let busy = 0;
    let predicted = 0;
    const counts = new Map<string, number>();
    for (const { stage, device: on, rows, count, busySeconds } of figures.stages) {
      if (on !== name || count === 0) continue;
      const seconds = known.get(rows)?.get(`${stage}\n${name}`);
      // Figures of another plan, whose stages have the same names.
      if (seconds === undefined) continue;
      if (!(seconds >= leastSeconds && busySeconds > 0)) continue;
      busy += count * busySeconds;
      predicted += count * seconds;
      counts.set(stage, (counts.get(stage) ?? 0) + count);
    }
    if (predicted === 0) return [];
    const count = Math.max(...counts.values());
    return [{ device, slowDown: busy / predicted, count, busySeconds: busy }];
  });
}

/** By stage and device; of several tiles of a stage on one device each under a name of its own. */
function predictedSeconds(problem: Problem, stages: Plan["stages"]): ReadonlyMap<string, number> {
  const positions = new Map(problem.devices.map(({ name }, device) => [name, device]));
  const works = stages.flatMap((stage) => worksOf(problem.index, stage));
  return new Map(
    works.flatMap(({ id, device, nodes, tile }) => {
      const on = positions.get(device);
      if (on === undefined) return [];
      const seconds = nodes.reduce((sum, node) => {
        const region = tile?.nodes.get(node);
        const share = region === undefined ? 1 : shareOfNode(problem.index, node, region);
        return sum + share * problem.seconds.get(on, node);
      }, 0);
      return [[`${id}\n${device}`, seconds] as const];
    }),
  );
}

function linkOf({ topology, hops, devices }: Problem, from: string, to: string): number | null {
  const { links } = topology;
  const direct = links.findIndex((link) => link.from === from && link.to === to);
  if (direct >= 0) return direct;
  const [start = -1, end = -1] = [from, to].map((name) =>
    devices.findIndex((device) => device.name === name),
  );
  if (start < 0 || end < 0) return null;
  const route = hops.route(start, end, hops.samples[0] ?? 0) ?? [];
  return route.reduce<number | null>((slowest, link) => {
    const rate = links[link]?.bandwidthBitsPerSecond ?? Number.POSITIVE_INFINITY;
    const known = links[slowest ?? -1]?.bandwidthBitsPerSecond ?? Number.POSITIVE_INFINITY;
    return rate < known ? link : slowest;
  }, null);
}

/** A rate on a link, and what it means for the others of its medium. */
function spread(
  { links }: Topology,
  link: number | null,
  bitsPerSecond: number,
): { readonly link: number; readonly bitsPerSecond: number }[] {
  const seen = links[link ?? -1];
  if (link === null || seen === undefined || !(bitsPerSecond > 0)) return [];
  if (seen.medium === undefined) return [{ link, bitsPerSecond }];
  const share = bitsPerSecond / seen.bandwidthBitsPerSecond;
  return links.flatMap(({ medium, bandwidthBitsPerSecond }, other) =>
    medium === seen.medium ? [{ link: other, bitsPerSecond: share * bandwidthBitsPerSecond }] : [],
  );
}
