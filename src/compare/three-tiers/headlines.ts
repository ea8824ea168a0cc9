import { asCount, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { tellingGain, type Verdict } from "../verdict.ts";
import { bestOf, describeCell, type Outcome, type TierCell } from "./cells.ts";
import { equality, largest } from "./tables.ts";

interface Claim {
  readonly figure: keyof Pick<Outcome, "latencySeconds" | "backboneBytes">;
  readonly ratio: number;
  readonly published: string;
  /** A method, solved optimally in its class. */
  readonly against: string;
}

const latency = {
  figure: "latencySeconds",
  ratio: 3.4,
  published: "end-to-end time up to 3.4x lower",
} as const;
const traffic = {
  figure: "backboneBytes",
  ratio: 3.68,
  published: "backbone traffic up to 3.68x less",
} as const;

const claims: readonly Claim[] = [
  ...[
    "dads device–edge",
    "dads edge–cloud",
    "neurosurgeon device–edge",
    "neurosurgeon edge–cloud",
  ].map((against) => ({ ...latency, against })),
  ...["dads edge–cloud", "neurosurgeon edge–cloud", "cloud"].map((against) => ({
    ...traffic,
    against,
  })),
];

const d3 = "d3";

/** What became of D3's published figures on this grid, against each baseline. */
export function tierHeadlines(cells: readonly TierCell[]): Headline[] {
  return claims.flatMap((claim) => headlineOf(claim, cells) ?? []);
}

/** A cell with what D3 and the baseline have there. */
interface Pair {
  readonly cell: TierCell;
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

function headlineOf(claim: Claim, cells: readonly TierCell[]): Headline | null {
  const { figure, ratio, published, against } = claim;
  const pairs = cells.flatMap((cell): Pair[] => {
    const [ours, theirs] = [cell.outcomes[d3], cell.outcomes[against]];
    return ours === undefined || theirs === undefined ? [] : [{ cell, ours, theirs }];
  });
  // A baseline that sends nothing leaves nothing to save.
  const counted = pairs.filter(({ theirs }) => theirs[figure] > 0);
  const ratioOf = ({ ours, theirs }: Pair): number => theirs[figure] / ours[figure];
  const fair = figure === "latencySeconds" ? counted : counted.filter(isNoSlower);
  const reaching = fair.filter((pair) => ratioOf(pair) >= ratio);
  const telling = reaching.filter((pair) => pair.ours[figure] > 0 && isWorthSplitting(pair));
  const top = largest(telling.length > 0 ? telling : fair, ratioOf);
  if (top === null) return null;
  const ratios = counted.map(ratioOf);
  const { ours, theirs, cell } = top;
  const remark = [
    `median over ${counted.length} ${counted.length === 1 ? "cell" : "cells"} ${inRatio(median(ratios))}, ${asRatio(ratio)} or more in ${asCount(ratios.filter((each) => each >= ratio).length, counted.length)}`,
    `in that cell d3 takes ${asRatio(ours.latencySeconds / bestOf(cell))} the latency of exact and ${asRatio(ours.latencySeconds / cell.bestSingle)} that of the best single tier`,
    ...(figure === "latencySeconds"
      ? variants(cells, claim)
      : trafficOf(claim, top, pairs, fair.length)),
    "machines, links and networks after D3, profiles measured here; the partition alone, without tiles",
  ];
  return {
    system: "D3",
    published,
    publishedAgainst: "state-of-the-art counterparts",
    measured:
      ours[figure] === 0 ? `nothing sent instead of ${kilobytes(theirs)}` : asRatio(ratioOf(top)),
    cell: describeCell(cell),
    against: `${against}${solved(against)}`,
    verdict: verdictOf(reaching, telling),
    remark: remark.join("; "),
  };
}

function verdictOf(reaching: readonly Pair[], telling: readonly Pair[]): Verdict {
  if (telling.length > 0) return "reproduced";
  return reaching.length > 0 ? "trivial" : "not reproduced";
}

function isWorthSplitting({ cell, ours }: Pair): boolean {
  return cell.bestSingle >= ours.latencySeconds * (1 + tellingGain);
}

function isNoSlower({ ours, theirs }: Pair): boolean {
  return ours.latencySeconds <= theirs.latencySeconds * (1 + equality);
}

function solved(against: string): string {
  if (against === "cloud") return ", everything there";
  return against.startsWith("neurosurgeon") ? ", all its cuts tried" : ", solved optimally";
}

function inRatio(ratio: number): string {
  return ratio === Number.POSITIVE_INFINITY ? "without limit" : asRatio(ratio);
}

function kilobytes({ backboneBytes }: Outcome): string {
  return `${Number((backboneBytes / 1e3).toPrecision(4))} kB`;
}

/** What the bytes cost elsewhere. */
function trafficOf(
  { figure }: Claim,
  { ours, theirs }: Pair,
  pairs: readonly Pair[],
  fair: number,
): string[] {
  const silent = pairs.filter((pair) => pair.ours[figure] === 0).length;
  const idle = pairs.filter((pair) => pair.theirs[figure] === 0).length;
  const both = pairs.filter((pair) => pair.ours[figure] > 0 && pair.theirs[figure] > 0);
  const most = largest(both, (pair) => pair.theirs[figure] / pair.ours[figure]);
  return [
    `d3 sends ${kilobytes(ours)} there, the baseline ${kilobytes(theirs)}`,
    `d3 sends nothing to the cloud in ${asCount(silent, pairs.length)} cells, the baseline in ${idle}, which do not count`,
    most === null
      ? "in no cell do both send something, so that no ratio says anything"
      : `where both send something (${asCount(both.length, pairs.length)} cells) at most ${asRatio(most.theirs[figure] / most.ours[figure])} (${describeCell(most.cell)})`,
    `only cells where d3 is no slower than the baseline (${fair}) may carry the headline: whoever never uses the cloud saves all traffic`,
  ];
}

/** The same ratio for other variants, so that the rule and the problem may be told apart. */
function variants(cells: readonly TierCell[], { figure, against }: Claim): string[] {
  return ["d3-look-ahead", "d3+compress", "d3-exact"].flatMap((variant) => {
    const pairs = cells.flatMap((cell) => {
      const [own, theirs] = [cell.outcomes[variant]?.[figure], cell.outcomes[against]?.[figure]];
      return own === undefined || theirs === undefined ? [] : [{ cell, ratio: theirs / own }];
    });
    const top = largest(pairs, ({ ratio }) => ratio);
    if (top === null) return [];
    const { cell, ratio } = top;
    const single = cell.bestSingle / (cell.outcomes[variant]?.latencySeconds ?? Number.NaN);
    const middle = asRatio(median(pairs.map((pair) => pair.ratio)));
    return [
      `${variant} reaches ${asRatio(ratio)} (${describeCell(cell)}; ${asRatio(single)} against the best single tier there), median ${middle}`,
    ];
  });
}
