import { percent } from "../k-path/ratios.ts";
import { geometricMean, median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { type GroupCell, reference, withoutTiles } from "./group-cells.ts";
import { outcomesAgainst, ratiosOf } from "./outcomes.ts";
import type { ScalingCell, UnequalCell } from "./scaling-cells.ts";

const pipeEdge = "PipeEdge (Hu et al. 2022)";

/** Throughput on 16 devices against one, and the network here that is of the same kind. */
const published = [
  { network: "vit-tiny", original: "ViT-Huge", gain: 11.88 },
  { network: "bert", original: "BERT-Large", gain: 12.78 },
];

export function groupHeadlines(
  cells: readonly GroupCell[],
  scaling: readonly ScalingCell[],
  unequal: readonly UnequalCell[],
): Headline[] {
  return [...scalingHeadlines(scaling), unequalHeadline(unequal), groupsHeadline(cells)];
}

function scalingHeadlines(cells: readonly ScalingCell[]): Headline[] {
  return published.flatMap(({ network, original, gain }) => {
    const own = cells.filter((cell) => cell.network === network);
    const most = Math.max(...own.map(({ devices }) => devices));
    const largest = own.filter(({ devices }) => devices === most);
    return largest.length === 0 ? [] : [scalingHeadline(largest, original, gain)];
  });
}

function scalingHeadline(
  cells: readonly ScalingCell[],
  original: string,
  published: number,
): Headline {
  const gain = ({ single, pipedge }: ScalingCell): number => single / pipedge;
  const best = cells.reduce((a, b) => (gain(b) > gain(a) ? b : a));
  const { network, devices, megabitsPerSecond, pieces } = best;
  const others = cells
    .filter((cell) => cell !== best)
    .map((cell) => `; at ${cell.megabitsPerSecond} Mbit/s ${gain(cell).toFixed(2)}x`);
  return {
    system: pipeEdge,
    published: `${published}x throughput for ${original} with 16 devices`,
    publishedAgainst: "one device",
    measured: `${gain(best).toFixed(2)}x`,
    cell: `${network}, ${devices} equal devices, ${megabitsPerSecond} Mbit/s`,
    against: "the best single device",
    verdict: gain(best) >= published ? "reproduced" : "not reproduced",
    remark: `${network} stands for ${original}, which is larger; links are modelled. It has ${pieces} pieces for ${devices} devices; exact, which may cut within them, reaches ${(best.single / best.exact).toFixed(2)}x there${others.join("")}`,
  };
}

function unequalHeadline(cells: readonly UnequalCell[]): Headline {
  const found = cells.flatMap((cell) =>
    cell.assumedEqual.map((value, draw) => ({
      cell,
      ratio: value / (cell.pipedge[draw] as number),
    })),
  );
  const best = found.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const ratios = found.map(({ ratio }) => ratio);
  return {
    system: pipeEdge,
    published: "up to 4.16x throughput on unequal devices",
    publishedAgainst: "PipeDream, which takes all devices for equal",
    measured: `${best.ratio.toFixed(2)}x`,
    cell: `the best of ${ratios.length}: ${best.cell.network}, ${best.cell.devices} devices, ${best.cell.megabitsPerSecond} Mbit/s`,
    against: "the same programme given the mean of the speeds, in the stated order of devices",
    verdict: best.ratio >= 4.16 ? "reproduced" : "not reproduced",
    remark: `median ${median(ratios).toFixed(2)}x, least ${Math.min(...ratios).toFixed(2)}x, with speeds that differ up to eight times. A baseline that was told the true speeds would not lose so much; PipeDream's replication is left out`,
  };
}

function groupsHeadline(cells: readonly GroupCell[]): Headline {
  const ratios = ratiosOf(cells, "pipedge", "pso");
  const margins = ratios.map((ratio) => ratio - 1);
  const losses = ratios.filter((ratio) => ratio < 1 - 1e-9).length;
  const exhaustive = ratiosOf(cells, "pso", "exact-groups");
  const near = exhaustive.filter((ratio) => ratio <= 1.01).length;
  const { wins, ties } = outcomesAgainst(cells, "pso");
  const plain = ratiosOf(cells, withoutTiles, "pso");
  const ahead = plain.filter((ratio) => ratio > 1 + 1e-9).length;
  const behind = plain.filter((ratio) => ratio < 1 - 1e-9).length;
  return {
    system: "Ordered groups by particle swarm (Dai et al. 2025)",
    published: "outperforms the state of the art (no figure)",
    publishedAgainst: "other methods of cooperative inference",
    measured: `${percent(geometricMean(ratios) - 1)} more throughput`,
    cell: `geometric mean of ${ratios.length} draws; median ${percent(median(margins))}, best ${percent(Math.max(...margins))}`,
    against: "pipedge, the best chain of pieces with one device a stage",
    verdict: losses === 0 && geometricMean(ratios) > 1 ? "reproduced" : "not reproduced",
    remark: `it starts from pipedge's plan, and so cannot lose to it. Against exact without shared stages, which may cut within pieces, it wins in ${ahead} draws and loses in ${behind} of ${plain.length}. Up to six devices it is within 1 % of every grouping tried in ${near} of ${exhaustive.length} draws. ${reference} is better in ${wins} and equal in ${ties} draws. Over the best single device it is ${geometricMean(ratiosOf(cells, "single", "pso")).toFixed(2)}x. Reconstructed from the abstract`,
  };
}
