import type { ZooName } from "../../zoo/zoo.ts";
import { asCount, asNumber, asPercent, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { tellingGain, type Verdict } from "../verdict.ts";
import { describePair, type ObjectiveName, type PairCell } from "./cells.ts";
import { bestOf, largest, noGain } from "./tables.ts";

/** What the planner is measured against. */
type Side = "deviceOnly" | "serverOnly" | "bestSingle";

interface Claim {
  readonly system: string;
  readonly planner: string;
  readonly objective: ObjectiveName;
  readonly statistic: "mean" | "up to";
  readonly ratio: number;
  readonly publishedAgainst: string;
  readonly side: Side;
  /** What differs from the published work. */
  readonly differs: string;
}

const sides: Readonly<Record<Side, string>> = {
  deviceOnly: "device-only",
  serverOnly: "server-only",
  bestSingle: "the best single device",
};

const neurosurgeonDiffers =
  "their eight applications, phone, GPU server and radio links are others; it is mostly not offloading that wins over server-only, so that only the ratio to the best single device tells what the split is worth";
const dadsDiffers =
  "their networks overlap with these, their machines and links do not; each side is measured against where it is the worse one";
const cicDiffers = "its existing methods are not named in public; here: the better whole side";

const claims: readonly Claim[] = [
  {
    system: "Neurosurgeon",
    planner: "neurosurgeon",
    objective: "latency",
    statistic: "mean",
    ratio: 3.1,
    publishedAgainst: "cloud-only, 8 applications",
    side: "serverOnly",
    differs: neurosurgeonDiffers,
  },
  {
    system: "Neurosurgeon",
    planner: "neurosurgeon",
    objective: "latency",
    statistic: "up to",
    ratio: 40.7,
    publishedAgainst: "cloud-only, 8 applications",
    side: "serverOnly",
    differs: neurosurgeonDiffers,
  },
  ...(
    [
      ["latency", "deviceOnly", 6.45],
      ["latency", "serverOnly", 8.08],
      ["throughput", "deviceOnly", 8.31],
      ["throughput", "serverOnly", 14.01],
    ] as const
  ).map(
    ([objective, side, ratio]): Claim => ({
      system: "DADS",
      planner: "dads",
      objective,
      statistic: "up to",
      ratio,
      publishedAgainst: side === "deviceOnly" ? "edge-only" : "cloud-only",
      side,
      differs: dadsDiffers,
    }),
  ),
  ...(
    [
      ["latency", 2.6],
      ["throughput", 3.3],
    ] as const
  ).map(
    ([objective, ratio]): Claim => ({
      system: "CIC",
      planner: "cic",
      objective,
      statistic: "up to",
      ratio,
      publishedAgainst: "existing methods, best case",
      side: "bestSingle",
      differs: cicDiffers,
    }),
  ),
];

/**
 * Links on which a ratio to one whole side says something: a slower one makes any planner win any
 * ratio over the server alone, a faster one over the device alone.
 */
const radioLinks = { least: 1e6, most: 1e8, inWords: "1 to 100 Mbit/s" };

/** No work of the kind that is published: all three systems knew convolutions and dense layers only. */
const transformers: readonly ZooName[] = ["bert", "vit-tiny"];

/** What became of the published figures on this grid; those of planners that are not there are left out. */
export function pairHeadlines(cells: readonly PairCell[]): Headline[] {
  return claims.flatMap((claim) => {
    const onAnyLink = cells.filter(
      ({ objective, values }) =>
        objective === claim.objective && values[claim.planner] !== undefined,
    );
    const all = onAnyLink.filter((cell) => claim.side === "bestSingle" || isOnRadio(cell));
    const own = all.filter(({ network }) => !transformers.includes(network));
    const others = all.filter(({ network }) => transformers.includes(network));
    const telling = own.filter((cell) => isTelling(claim, cell));
    const top = largest(telling.length > 0 ? telling : own, (cell) =>
      ratioOf(claim, cell, claim.side),
    );
    if (top === null) return [];
    const whole = onAnyLink.filter(({ network }) => !transformers.includes(network));
    return [headlineOf(claim, { own, others, whole }, top)];
  });
}

/** Why links are left out: the figures with them. */
function onAllLinks(claim: Claim, cells: readonly PairCell[]): string {
  const ratios = cells.map((cell) => ratioOf(claim, cell, claim.side));
  const isMean = claim.statistic === "mean";
  const measured = isMean ? mean(ratios) : Math.max(...ratios);
  return `${isMean ? "" : "up to "}${asRatio(measured)} on all links of the grid, where the slowest or fastest make the other side as bad as one likes`;
}

function isOnRadio({ bandwidthBitsPerSecond }: PairCell): boolean {
  return bandwidthBitsPerSecond >= radioLinks.least && bandwidthBitsPerSecond <= radioLinks.most;
}

/** Whether the published ratio is reached by a split that is worth making. */
function isTelling(claim: Claim, cell: PairCell): boolean {
  return (
    ratioOf(claim, cell, claim.side) >= claim.ratio &&
    ratioOf(claim, cell, "bestSingle") >= 1 + tellingGain
  );
}

interface HeadlineCells {
  /** Of the kind that is published, on links that say something. */
  readonly own: readonly PairCell[];
  readonly others: readonly PairCell[];
  /** As `own`, on all links. */
  readonly whole: readonly PairCell[];
}

function headlineOf(
  claim: Claim,
  { own: cells, others, whole }: HeadlineCells,
  top: PairCell,
): Headline {
  const { system, objective, statistic, side, ratio, publishedAgainst, differs } = claim;
  const ratios = cells.map((cell) => ratioOf(claim, cell, side));
  const isMean = statistic === "mean";
  const measured = isMean ? mean(ratios) : ratioOf(claim, top, side);
  const links = side === "bestSingle" ? "" : ` at ${radioLinks.inWords}`;
  const remarks = [
    `median over ${asNumber(cells.length)} cells${links} ${asRatio(median(ratios))}`,
    `${asRatio(ratio)} or more in ${reaching(claim, cells)}`,
    isMean ? withoutSplit(claim, cells) : atCell(claim, top),
    ...(side === "bestSingle" ? [] : [onAllLinks(claim, whole), whereSplit(claim, cells)]),
    againstBetterSide(claim, cells),
    ...onTransformers(claim, others),
    differs,
  ];
  return {
    system,
    published: isMean ? `${objective} ${ratio}x on average` : `${objective} up to ${ratio}x`,
    publishedAgainst,
    measured: asRatio(measured),
    cell: isMean ? `mean of ${asNumber(cells.length)} cells${links}` : describePair(top),
    against: sides[side],
    verdict: verdictOf(claim, cells, measured, top),
    remark: remarks.join("; "),
  };
}

function verdictOf(
  claim: Claim,
  cells: readonly PairCell[],
  measured: number,
  top: PairCell,
): Verdict {
  if (measured < claim.ratio) return "not reproduced";
  const isSplit =
    claim.statistic === "mean"
      ? measured >= meanOfWholes(claim, cells) * (1 + tellingGain)
      : isTelling(claim, top);
  return isSplit ? "reproduced" : "trivial";
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What whoever takes the better whole side gains on average. */
function meanOfWholes({ side }: Claim, cells: readonly PairCell[]): number {
  return mean(cells.map((cell) => cell[side] / cell.bestSingle));
}

function withoutSplit(claim: Claim, cells: readonly PairCell[]): string {
  return `whoever takes the better whole side and never splits gains ${asRatio(meanOfWholes(claim, cells))} on average`;
}

function ratioOf({ planner }: Claim, cell: PairCell, to: Side): number {
  return cell[to] / (cell.values[planner] as number);
}

/** How many cells reach the published figure, and whose they are. */
function reaching(claim: Claim, cells: readonly PairCell[]): string {
  const own = cells.filter((cell) => ratioOf(claim, cell, claim.side) >= claim.ratio);
  const networks = [...new Set(own.map(({ network }) => network))];
  const who = networks.length > 4 ? `${networks.length} networks` : networks.join(", ");
  return `${asPercent(own.length / cells.length)} of them${who === "" ? "" : ` (${who})`}`;
}

function atCell(claim: Claim, cell: PairCell): string {
  const toExact = asRatio((cell.values[claim.planner] as number) / bestOf(cell));
  const gain =
    claim.side === "bestSingle"
      ? ""
      : `${asRatio(ratioOf(claim, cell, "bestSingle"))} against the best single device and `;
  return `at the cell ${gain}${toExact} the value of exact`;
}

/** A ratio to one side says nothing of splitting where everything stays on the other. */
function whereSplit(claim: Claim, cells: readonly PairCell[]): string {
  const own = cells.filter((cell) => ratioOf(claim, cell, "bestSingle") >= 1 + noGain);
  const top = largest(own, (cell) => ratioOf(claim, cell, claim.side));
  if (top === null) return "nowhere does it split and beat both sides by 1 %";
  const count = asCount(own.length, cells.length);
  return `where it splits and beats both sides by 1 % or more (${count} cells) up to ${asRatio(ratioOf(claim, top, claim.side))} (${describePair(top)})`;
}

function onTransformers(claim: Claim, cells: readonly PairCell[]): string[] {
  const top = largest(cells, (cell) => ratioOf(claim, cell, claim.side));
  if (top === null) return [];
  const gain = asRatio(ratioOf(claim, top, "bestSingle"));
  return [
    `transformers, which are no work of that kind and do not count, reach ${asRatio(ratioOf(claim, top, claim.side))} (${describePair(top)}; ${gain} against the best single device)`,
  ];
}

/** The gain that is one, and what is left of it where the picture is not sent as float32. */
function againstBetterSide(claim: Claim, cells: readonly PairCell[]): string {
  const gain = (cell: PairCell): number => ratioOf(claim, cell, "bestSingle");
  const inputs = [...new Set(cells.map(({ input }) => input))];
  const most = inputs.map((input) => {
    const gains = cells.filter((cell) => cell.input === input).map(gain);
    return `${asRatio(Math.max(...gains))} with a ${input} input`;
  });
  return `against the best single device median ${asRatio(median(cells.map(gain)))}, at most ${most.join(", ")}`;
}
