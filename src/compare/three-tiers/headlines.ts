import { asCount, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { bestOf, describeCell, type Outcome, type TierCell } from "./cells.ts";
import { largest } from "./tables.ts";

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
  return claims.flatMap((claim) => {
    const own = cells.filter(
      ({ outcomes }) => outcomes[d3] !== undefined && outcomes[claim.against] !== undefined,
    );
    const found = headlineOf(claim, own);
    return found === null ? [] : [found];
  });
}

function headlineOf(claim: Claim, cells: readonly TierCell[]): Headline | null {
  const { figure, ratio, published, against } = claim;
  const figureOf = (cell: TierCell, method: string): number =>
    cell.outcomes[method]?.[figure] ?? Number.NaN;
  // Where D3 sends nothing, the ratio says nothing: traffic falls without limit.
  const counted = cells.filter((cell) => figureOf(cell, d3) > 0);
  const ratioOf = (cell: TierCell): number => figureOf(cell, against) / figureOf(cell, d3);
  const top = largest(counted, ratioOf);
  if (top === null) return null;
  const ratios = counted.map(ratioOf);
  const silent = cells.length - counted.length;
  const baseline = figureOf(top, against);
  const remark = [
    `median over ${counted.length} cells ${asRatio(median(ratios))}, ${asRatio(ratio)} or more in ${asCount(ratios.filter((each) => each >= ratio).length, counted.length)}`,
    `in that cell d3 is ${inWords(top, d3)}`,
    ...(figure === "backboneBytes"
      ? [
          `the baseline sends ${(baseline / 1e3).toFixed(1)} kB there`,
          ...silence(cells, silent, claim),
        ]
      : []),
    ...aside(counted, claim),
    "machines, links and networks after D3, profiles measured here; the partition alone, without tiles",
  ];
  return {
    system: "D3",
    published,
    publishedAgainst: "state-of-the-art counterparts",
    measured: asRatio(ratioOf(top)),
    cell: describeCell(top),
    against: `${against}, solved ${against.startsWith("neurosurgeon") ? "over all its cuts" : "optimally"}`,
    verdict: ratioOf(top) >= ratio ? "reproduced" : "not reproduced",
    remark: remark.join("; "),
  };
}

function inWords(cell: TierCell, method: string): string {
  const seconds = cell.outcomes[method]?.latencySeconds ?? Number.NaN;
  return `${asRatio(seconds / bestOf(cell))} the latency of exact and ${asRatio(seconds / cell.bestSingle)} that of the best single tier`;
}

/** Cells in which D3 leaves the cloud alone. */
function silence(cells: readonly TierCell[], silent: number, { against }: Claim): string[] {
  if (silent === 0) return [];
  const both = cells.filter(
    ({ outcomes }) => outcomes[d3]?.backboneBytes === 0 && outcomes[against]?.backboneBytes === 0,
  ).length;
  return [
    `in ${silent} more cells d3 sends nothing to the cloud, and in ${both} of them neither does the baseline: no ratio`,
  ];
}

/** The same ratio for the exact variant, that the rule and the problem may be told apart. */
function aside(cells: readonly TierCell[], { figure, against }: Claim): string[] {
  if (figure !== "latencySeconds") return [];
  const exact = cells.flatMap(({ outcomes }) => {
    const own = outcomes["d3-exact"]?.latencySeconds;
    const theirs = outcomes[against]?.latencySeconds;
    return own === undefined || theirs === undefined ? [] : [theirs / own];
  });
  if (exact.length === 0) return [];
  return [
    `d3-exact reaches ${asRatio(Math.max(...exact))} at most, median ${asRatio(median(exact))}`,
  ];
}
