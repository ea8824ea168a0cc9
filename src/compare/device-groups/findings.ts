import { pairedRatios, percent } from "../k-path/ratios.ts";
import { geometricMean, median } from "../statistics.ts";
import { type GroupCell, reference, withoutTiles } from "./group-cells.ts";
import { outcomesAgainst, ratiosOf } from "./outcomes.ts";

/** What the cells say, in sentences. */
export function groupFindings(cells: readonly GroupCell[]): string[] {
  return [single(cells), margin(cells), branches(cells), planning(cells), ...regret(cells)];
}

function single(cells: readonly GroupCell[]): string {
  const ratios = ratiosOf(cells, "single");
  const none = ratios.filter((ratio) => ratio <= 1 + 1e-9).length;
  return `${reference} has ${geometricMean(ratios).toFixed(2)} times the throughput of the best single device; in ${none} of ${ratios.length} draws nothing is gained.`;
}

function margin(cells: readonly GroupCell[]): string {
  const found = cells.flatMap((cell) =>
    ratiosOf([cell], "pipedge").map((ratio) => ({ cell, margin: ratio - 1 })),
  );
  const best = found.reduce((a, b) => (b.margin > a.margin ? b : a));
  const { wins, ties, losses } = outcomesAgainst(cells, "pipedge");
  const { network, devices, megabitsPerSecond } = best.cell;
  return `Over the best chain of pieces with one device a stage (pipedge) it wins in ${wins} draws, ties in ${ties}, loses in ${losses}: median margin ${percent(median(found.map((one) => one.margin)))}, best ${percent(best.margin)} (${network}, ${devices} devices, ${megabitsPerSecond} Mbit/s).`;
}

function branches(cells: readonly GroupCell[]): string {
  const gains = ratiosOf(cells, "pipedge", withoutTiles);
  const won = gains.filter((ratio) => ratio > 1 + 1e-9).length;
  return `Cutting within pieces, without tiles, ${withoutTiles} beats pipedge in ${won} of ${gains.length} draws, by ${percent(geometricMean(gains) - 1)} in the geometric mean; tiles add ${percent(geometricMean(ratiosOf(cells, withoutTiles)) - 1)} to that.`;
}

function planning(cells: readonly GroupCell[]): string {
  const text = ["pipedge", "pso", "exact-groups", withoutTiles, reference].map((name) => {
    const times = cells.flatMap(({ decisionSeconds, periods }) =>
      (decisionSeconds[name] ?? []).filter((_, draw) => (periods[name]?.[draw] ?? null) !== null),
    );
    return `${name} ${median(times).toPrecision(2)} s (at most ${Math.max(...times).toPrecision(2)} s)`;
  });
  return `Planning takes, median and most: ${text.join(", ")}.`;
}

function regret(cells: readonly GroupCell[]): string[] {
  const plain = cells.flatMap(({ periods, bounds }) =>
    pairedRatios(periods[withoutTiles] ?? [], bounds),
  );
  const tiled = cells.flatMap(({ periods, referenceBounds }) =>
    pairedRatios(periods[reference] ?? [], referenceBounds),
  );
  if (plain.length === 0 || tiled.length === 0) return [];
  const proven = (ratios: readonly number[]): string =>
    `${ratios.filter((ratio) => ratio <= 1 + 1e-9).length} of ${ratios.length}`;
  return [
    `Without tiles exact is proven to be the best of all pipelines in ${proven(plain)} draws, and within ${percent(Math.max(...plain) - 1)} of its bound in all. With tiles it is a heuristic with a bound: proven in ${proven(tiled)} draws, above its bound by ${percent(median(tiled) - 1)} in the median and up to ${percent(Math.max(...tiled) - 1)}.`,
  ];
}
