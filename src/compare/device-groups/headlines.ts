import { percent } from "../k-path/ratios.ts";
import { geometricMean, median } from "../statistics.ts";
import type { Headline } from "../study.ts";
import { type GroupCell, reference } from "./group-cells.ts";
import { outcomesAgainst, ratiosOf } from "./outcomes.ts";
import type { ScalingCell, UnequalCell } from "./scaling-cells.ts";

const pipeEdge = "PipeEdge (Hu et al. 2022)";

export function groupHeadlines(
  cells: readonly GroupCell[],
  scaling: readonly ScalingCell[],
  unequal: readonly UnequalCell[],
): Headline[] {
  return [scalingHeadline(scaling), unequalHeadline(unequal), groupsHeadline(cells)];
}

function scalingHeadline(cells: readonly ScalingCell[]): Headline {
  const most = Math.max(...cells.map(({ devices }) => devices));
  const largest = cells.filter(({ devices }) => devices === most);
  const gain = ({ single, pipedge }: ScalingCell): number => single / pipedge;
  const best = largest.reduce((a, b) => (gain(b) > gain(a) ? b : a));
  const others = largest
    .filter((cell) => cell !== best)
    .map(
      (cell) => `${gain(cell).toFixed(1)}x for ${cell.network} at ${cell.megabitsPerSecond} Mbit/s`,
    );
  return {
    system: pipeEdge,
    published: "11.88x (ViT-Huge) and 12.78x (BERT-Large) throughput with 16 devices",
    publishedAgainst: "one device",
    measured: `${gain(best).toFixed(2)}x`,
    cell: `${best.network}, ${most} equal devices, ${best.megabitsPerSecond} Mbit/s`,
    against: "the best single device",
    verdict: gain(best) >= 11.88 * 0.95 ? "reproduced" : "not reproduced",
    remark: `On smaller networks of the same kind than the published ones, with modelled links. exact reaches ${(best.single / best.exact).toFixed(2)}x there.${others.length === 0 ? "" : ` Elsewhere ${others.join(", ")}.`}`,
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
    verdict: best.ratio >= 4.16 * 0.95 ? "reproduced" : "not reproduced",
    remark: `Median ${median(ratios).toFixed(2)}x, least ${Math.min(...ratios).toFixed(2)}x, with speeds that differ up to eight times. A baseline that was told the true speeds would not lose so much; PipeDream's replication is left out.`,
  };
}

function groupsHeadline(cells: readonly GroupCell[]): Headline {
  const ratios = ratiosOf(cells, "pipedge", "pso");
  const margins = ratios.map((ratio) => ratio - 1);
  const losses = ratios.filter((ratio) => ratio < 1 - 1e-9).length;
  const exhaustive = ratiosOf(cells, "pso", "exact-groups");
  const near = exhaustive.filter((ratio) => ratio <= 1.01).length;
  const { wins, ties } = outcomesAgainst(cells, "pso");
  return {
    system: "Ordered groups by particle swarm (Dai et al. 2025)",
    published: "outperforms the state of the art (no figure)",
    publishedAgainst: "other methods of cooperative inference",
    measured: `${percent(geometricMean(ratios) - 1)} more throughput`,
    cell: `geometric mean of ${ratios.length} draws; median ${percent(median(margins))}, best ${percent(Math.max(...margins))}`,
    against: "pipedge, the best pipeline of one device a stage",
    verdict: losses === 0 && geometricMean(ratios) > 1 ? "reproduced" : "not reproduced",
    remark: `Up to six devices it is within 1 % of every grouping tried in ${near} of ${exhaustive.length} draws. ${reference} is better in ${wins} and equal in ${ties} draws. Over the best single device it is ${geometricMean(ratiosOf(cells, "single", "pso")).toFixed(2)}x. Reconstructed from the abstract.`,
  };
}
