import { asNumber, asPercent, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { describePair, type ObjectiveName, type PairCell } from "./cells.ts";
import { bestOf, largest } from "./tables.ts";

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
  "their eight applications, phone, GPU server and radio links are others; the grid here has links slow enough for any ratio against server-only, so only the ratio to the best single device tells what the split is worth";
const dadsDiffers =
  "their networks overlap with these, their machines and links do not; against the side that is the worse one a slow or fast enough link gives any ratio";
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

/** What became of the published figures on this grid; those of planners that are not there are left out. */
export function pairHeadlines(cells: readonly PairCell[]): Headline[] {
  return claims.flatMap((claim) => {
    const own = cells.filter(
      ({ objective, values }) =>
        objective === claim.objective && values[claim.planner] !== undefined,
    );
    const found = headlineOf(claim, own);
    return found === null ? [] : [found];
  });
}

function headlineOf(claim: Claim, cells: readonly PairCell[]): Headline | null {
  const { planner, side, objective, statistic } = claim;
  const ratioTo = (cell: PairCell, to: Side): number => cell[to] / (cell.values[planner] as number);
  const top = largest(cells, (cell) => ratioTo(cell, side));
  if (top === null) return null;
  const ratios = cells.map((cell) => ratioTo(cell, side));
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const isMean = statistic === "mean";
  const measured = isMean ? mean : ratioTo(top, side);
  const reaching = cells.filter((cell) => ratioTo(cell, side) >= claim.ratio);
  const better = cells.map((cell) => ratioTo(cell, "bestSingle"));
  const share = asPercent(reaching.length / cells.length);
  const atTop = `there ${asRatio(ratioTo(top, "bestSingle"))} against the best single device and ${asRatio((top.values[planner] as number) / bestOf(top))} the value of exact`;
  const map = [
    `median over ${asNumber(cells.length)} cells ${asRatio(median(ratios))}`,
    `${asRatio(claim.ratio)} or more in ${share} of them${reachedBy(reaching, ratioTo)}`,
    side === "bestSingle"
      ? `${asRatio((top.values[planner] as number) / bestOf(top))} the value of exact at the cell`
      : `against the best single device: median ${asRatio(median(better))}, at most ${asRatio(Math.max(...better))}${isMean ? "" : `, ${atTop}`}`,
    smallerInput(cells, (cell) => ratioTo(cell, "bestSingle")),
    claim.differs,
  ].filter((remark) => remark !== "");
  return {
    system: claim.system,
    published: `${objective} ${isMean ? "" : "up to "}${claim.ratio}x${isMean ? " on average" : ""}`,
    publishedAgainst: claim.publishedAgainst,
    measured: asRatio(measured),
    cell: isMean ? `mean of ${asNumber(cells.length)} cells` : describePair(top),
    against: sides[side],
    verdict: measured >= claim.ratio ? "reproduced" : "not reproduced",
    remark: map.join("; "),
  };
}

/** Which networks reach a figure, and what they gain there over the better side at most. */
function reachedBy(
  cells: readonly PairCell[],
  ratioTo: (cell: PairCell, side: Side) => number,
): string {
  const networks = [...new Set(cells.map(({ network }) => network))];
  if (networks.length === 0) return "";
  const most = Math.max(...cells.map((cell) => ratioTo(cell, "bestSingle")));
  const who = networks.length > 4 ? `${networks.length} networks` : networks.join(", ");
  return ` (${who}; against the best single device at most ${asRatio(most)} there)`;
}

/** What is left of a gain that comes from the raw picture alone. */
function smallerInput(cells: readonly PairCell[], gain: (cell: PairCell) => number): string {
  const inputs = [...new Set(cells.map(({ input }) => input))].filter((one) => one !== "float32");
  const most = inputs.map((input) => {
    const gains = cells.filter((cell) => cell.input === input).map(gain);
    return `${asRatio(Math.max(...gains))} with a ${input} input`;
  });
  return most.length === 0 ? "" : `against the best single device at most ${most.join(", ")}`;
}
