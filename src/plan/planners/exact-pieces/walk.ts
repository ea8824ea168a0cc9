import type { HopCosts } from "./hops.ts";
import type { PiecesModel } from "./model.ts";

/** What is possible behind a cut if devices may take several turns, none beyond a period. */
export interface Walks {
  /** The least number of further runs, at [cut · devices + device that ran what is before]. */
  readonly runs: Int32Array;
  /** The least further seconds on the shared medium, in the same order; all 0 without one. */
  readonly shared: Float64Array;
}

/** More runs than any chain has: there is no way. */
export const noWay: number = 2 ** 30;

/**
 * The relaxed chains behind each cut. Every real chain is one of them.
 *
 * O(pieces · devices · (devices + length of a run)) time.
 */
export function findWalks(model: PiecesModel, period: number): Walks {
  const { problem, runners, cuts } = model;
  const devices = problem.devices.length;
  const runs = new Int32Array(cuts.length * devices).fill(noWay);
  const shared = new Float64Array(cuts.length * devices);
  const walks = { runs, shared };
  const begun = { runs: new Int32Array(devices), shared: new Float64Array(devices) };
  for (let cut = cuts.length - 1; cut > 0; cut--) {
    const costs = cuts[cut] as HopCosts;
    for (const runner of runners) begin(model, walks, begun, { cut, runner, period });
    for (const from of runners) {
      let fewest = noWay;
      let least = Number.POSITIVE_INFINITY;
      for (const to of runners) {
        if (to === from || (costs.wire[from * devices + to] as number) > period) continue;
        fewest = Math.min(fewest, begun.runs[to] as number);
        const hop = costs.shared?.[from * devices + to] ?? 0;
        least = Math.min(least, hop + (begun.shared[to] as number));
      }
      runs[cut * devices + from] = fewest;
      shared[cut * devices + from] = least;
    }
  }
  return walks;
}

/** The best that a run can begin which starts at a cut. */
function begin(
  model: PiecesModel,
  walks: Walks,
  begun: { runs: Int32Array; shared: Float64Array },
  { cut, runner, period }: { cut: number; runner: number; period: number },
): void {
  const { problem, cuts, answer } = model;
  const devices = problem.devices.length;
  const sums = model.seconds[runner] as Float64Array;
  const received = cuts[cut]?.leastReceive[runner] as number;
  let fewest = noWay;
  let least = Number.POSITIVE_INFINITY;
  const last = model.reach[runner]?.[cut] as number;
  for (let end = cut + 1; end <= last; end++) {
    const load = received + ((sums[end] as number) - (sums[cut] as number));
    if (load > period) break;
    if (end === cuts.length) {
      const sink = problem.sink ?? runner;
      const at = runner * devices + sink;
      if (sink !== runner && (answer?.wire[at] as number) > period) continue;
      fewest = 1;
      least = Math.min(least, sink === runner ? 0 : (answer?.shared?.[at] ?? 0));
      continue;
    }
    if (load + (cuts[end]?.leastSend[runner] as number) > period) continue;
    fewest = Math.min(fewest, 1 + (walks.runs[end * devices + runner] as number));
    least = Math.min(least, walks.shared[end * devices + runner] as number);
  }
  begun.runs[runner] = fewest;
  begun.shared[runner] = least;
}
