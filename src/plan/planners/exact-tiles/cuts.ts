import { divide } from "../../../graph/grid.ts";
import type { GroupModel } from "../pso/group-model.ts";
import type { ChainCosts } from "./chain-costs.ts";

/** Cuts at which shared runs may begin and end, where there are more. */
const mostCuts = 48;
/** The same for a first look at many groups of devices. */
const fewCuts = 8;

/**
 * Where shared runs may begin and end: not in front of a piece that reads no row but its own and makes
 * no more bytes, for the run may as well take that one too; and of many only where few bytes cross.
 */
export function chooseCuts(model: GroupModel, costs: ChainCosts): boolean[] {
  const { count, pieces, tiledReach } = model;
  const { nodes } = pieces.problem.index.graph;
  const bytes = Array.from({ length: count + 1 }, (_, cut) => costs.bytes(cut));
  const isPlain = (piece: number): boolean => {
    for (
      let node = pieces.starts[piece] as number;
      node < (pieces.starts[piece + 1] as number);
      node++
    ) {
      const window = nodes[node]?.window;
      if (window === undefined || window.kernel.some((k) => k !== 1)) return false;
      if (window.stride.some((s) => s !== 1)) return false;
    }
    return true;
  };
  const isUseful = bytes.map((own, cut) => {
    if (cut === 0 || cut === count) return true;
    const isInside = (tiledReach[cut - 1] as number) > cut && isPlain(cut);
    return !isInside || (bytes[cut + 1] as number) > own;
  });
  const inner = isUseful.flatMap((useful, cut) => (useful && cut > 0 && cut < count ? [cut] : []));
  if (inner.length <= mostCuts) return isUseful;
  const kept = new Set(
    inner.sort((a, b) => (bytes[a] as number) - (bytes[b] as number)).slice(0, mostCuts),
  );
  return isUseful.map((useful, cut) => useful && (cut === 0 || cut === count || kept.has(cut)));
}

/** Of the cuts at which shared runs may begin and end a few all over the graph, where the fewest bytes cross. */
export function chooseFewCuts(isCut: readonly boolean[], costs: ChainCosts): boolean[] {
  const last = isCut.length - 1;
  const inner = isCut.flatMap((own, cut) => (own && cut > 0 && cut < last ? [cut] : []));
  const kept = divide(inner.length, Math.min(inner.length, fewCuts)).map(({ from, to }) =>
    inner
      .slice(from, to)
      .reduce((best, cut) => (costs.bytes(cut) <= costs.bytes(best) ? cut : best)),
  );
  return isCut.map((own, cut) => own && (cut === 0 || cut === last || kept.includes(cut)));
}
