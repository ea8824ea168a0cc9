import { asCount, asNumber, asPercent, asRatio } from "../figures.ts";
import { geometricMean, median } from "../statistics.ts";
import type { StudyTable } from "../study.ts";
import {
  describePair,
  type Grid,
  type ObjectiveName,
  objectiveNames,
  type PairCell,
} from "./cells.ts";

/** Gains below this are none. */
export const noGain = 0.01;
/** Values that differ by less, relatively, are equal: each is kept with six digits. */
export const equality = 2e-5;

const titles: Readonly<Record<ObjectiveName, string>> = {
  latency: "Latency",
  throughput: "Throughput",
};

/** The least value that anybody found: of `exact`, unless its limit came first. */
export function bestOf({ values, bestSingle }: PairCell): number {
  return Math.min(bestSingle, ...Object.values(values));
}

/** What splitting gains over the better whole side: 1 is nothing. */
export function gainOf(cell: PairCell): number {
  return cell.bestSingle / bestOf(cell);
}

/** The entry for which `measure` is largest; `null` of none. */
export function largest<T>(entries: readonly T[], measure: (entry: T) => number): T | null {
  return entries.reduce<T | null>(
    (best, entry) => (best === null || measure(entry) > measure(best) ? entry : best),
    null,
  );
}

/** For an objective: the largest gain with its bandwidth, and the median over bandwidths. */
export function gainTable(
  cells: readonly PairCell[],
  grid: Grid,
  objective: ObjectiveName,
): StudyTable {
  const kinds = grid.serverFactors.flatMap((factor) =>
    grid.inputs.map((input) => ({ factor, input })),
  );
  return {
    title: `${titles[objective]}: best single device ÷ exact, the largest over bandwidths at its Mbit/s; the median over bandwidths`,
    columns: [
      { head: "network" },
      ...kinds.map(({ factor, input }) => ({
        head: `${factor}x, ${input}`,
        align: "right" as const,
      })),
    ],
    rows: grid.networks.map((network) => [
      network,
      ...kinds.map(({ factor, input }) => {
        const own = cells.filter(
          (cell) =>
            cell.objective === objective &&
            cell.network === network &&
            cell.serverFactor === factor &&
            cell.input === input,
        );
        const top = largest(own, gainOf);
        if (top === null) return "–";
        const middle = asRatio(median(own.map(gainOf)));
        if (gainOf(top) < 1 + noGain) return `none; ${middle}`;
        const rate = Number((top.bandwidthBitsPerSecond / 1e6).toPrecision(3));
        return `${asRatio(gainOf(top))} at ${rate}; ${middle}`;
      }),
    ]),
  };
}

/** How far from the best each planner stays, and where it does not answer. */
export function regretTable(cells: readonly PairCell[], planners: readonly string[]): StudyTable {
  return {
    title: "Regret: value ÷ the best known (`exact`, but where its limit came first) − 1",
    columns: [
      { head: "objective" },
      { head: "planner" },
      { head: "answered", align: "right" },
      { head: "the best", align: "right" },
      { head: "median", align: "right" },
      { head: "90 %", align: "right" },
      { head: "worst", align: "right" },
      { head: "worst cell" },
      { head: "refused most, because" },
    ],
    rows: objectiveNames.flatMap((objective) => {
      const own = cells.filter((cell) => cell.objective === objective);
      const others = planners.filter((name) => name !== "single");
      return ["best single", ...others].map((planner) => regretRow(own, objective, planner));
    }),
  };
}

function regretRow(cells: readonly PairCell[], objective: string, planner: string): string[] {
  const answered = cells.filter((cell) => secondsOf(cell, planner) !== null);
  const regret = (cell: PairCell): number =>
    Math.max(0, (secondsOf(cell, planner) ?? Number.NaN) / bestOf(cell) - 1);
  const regrets = answered.map(regret).sort((a, b) => a - b);
  const worst = largest(answered, regret);
  const optimal = regrets.filter((value) => value <= equality).length;
  const figures =
    worst === null
      ? ["–", "–", "–", "–", ""]
      : [
          asCount(optimal, answered.length),
          inWords(median(regrets)),
          inWords(regrets[Math.ceil(regrets.length * 0.9) - 1] ?? 0),
          inWords(regret(worst)),
          regret(worst) <= equality ? "" : describePair(worst),
        ];
  const reasons = cells.flatMap(({ refused }) => refused[planner] ?? []);
  return [objective, planner, asCount(answered.length, cells.length), ...figures, usual(reasons)];
}

function secondsOf(cell: PairCell, planner: string): number | null {
  return planner === "best single" ? cell.bestSingle : (cell.values[planner] ?? null);
}

function inWords(regret: number): string {
  if (regret <= equality) return "0";
  return regret >= 10 ? asRatio(1 + regret) : asPercent(regret);
}

/** The reason that is given most. */
function usual(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return largest([...counts], ([, count]) => count)?.[0] ?? "";
}

/** How often splitting gains next to nothing. */
export function noGainTable(cells: readonly PairCell[], grid: Grid): StudyTable {
  return {
    title: `Cells where splitting gains less than ${asPercent(noGain)} over the best single device`,
    columns: [
      { head: "objective" },
      { head: "input" },
      ...grid.serverFactors.map((factor) => ({
        head: `server ${factor}x`,
        align: "right" as const,
      })),
      { head: "networks that gain nowhere" },
    ],
    rows: objectiveNames.flatMap((objective) =>
      grid.inputs.map((input) => {
        const own = cells.filter((cell) => cell.objective === objective && cell.input === input);
        const counts = grid.serverFactors.map((factor) => {
          const some = own.filter(({ serverFactor }) => serverFactor === factor);
          return asCount(some.filter(gainsNothing).length, some.length);
        });
        const never = grid.networks.filter((network) => {
          const some = own.filter((cell) => cell.network === network);
          return some.length > 0 && some.every(gainsNothing);
        });
        return [objective, input, ...counts, never.join(", ")];
      }),
    ),
  };
}

export function gainsNothing(cell: PairCell): boolean {
  return gainOf(cell) < 1 + noGain;
}

/** How much each planner gains over the better whole side, over all cells of a network. */
export function meanTable(
  cells: readonly PairCell[],
  grid: Grid,
  planners: readonly string[],
  objective: ObjectiveName,
): StudyTable {
  const own = cells.filter((cell) => cell.objective === objective);
  const means = (some: readonly PairCell[]): string[] =>
    planners.map((planner) => {
      const answered = some.filter(({ values }) => values[planner] !== undefined);
      if (answered.length === 0) return "–";
      const gains = answered.map((cell) => cell.bestSingle / (cell.values[planner] as number));
      const mean = asRatio(geometricMean(gains));
      if (answered.length === some.length) return mean;
      const best = asRatio(geometricMean(answered.map(gainOf)));
      return `${mean} of ${best} (${asNumber(answered.length)})`;
    });
  return {
    title: `${titles[objective]}: best single device ÷ planner, geometric mean over the grid; of a planner that does not answer everywhere, over its cells, with the best there and their number`,
    columns: [
      { head: "network" },
      { head: "cells", align: "right" },
      ...planners.map((head) => ({ head, align: "right" as const })),
    ],
    rows: [
      ...grid.networks.map((network) => {
        const some = own.filter((cell) => cell.network === network);
        return [network, asNumber(some.length), ...means(some)];
      }),
      ["all", asNumber(own.length), ...means(own)],
    ],
  };
}
