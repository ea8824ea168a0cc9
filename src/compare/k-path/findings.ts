import { geometricMean, median, ratioInterval } from "../statistics.ts";
import type { NetworkCell } from "./network-cells.ts";
import type { PlacementCell } from "./placement-cells.ts";
import { intervalText, known, pairedRatios, percent } from "./ratios.ts";

/** Rounding of sums. */
const equality = 1e-9;

/** What the cells say, in sentences. */
export function kpathFindings(
  placements: readonly PlacementCell[],
  networks: readonly NetworkCell[],
): string[] {
  const links = networks.filter(({ setting }) => setting === "links");
  const compute = networks.filter(({ setting }) => setting === "compute");
  return [
    twoParts(placements),
    ...manyParts(placements),
    ...published(networks),
    ...together(links),
    ...computing(compute),
    losses(placements, networks),
  ];
}

function twoParts(placements: readonly PlacementCell[]): string {
  const two = placements.filter(({ parts }) => parts === 2);
  const ratios = two.flatMap(({ methods, exact }) => [
    ...pairedRatios(methods["kpath"] ?? [], exact),
    ...pairedRatios(methods["greedy"] ?? [], exact),
  ]);
  const equal = ratios.filter((ratio) => ratio <= 1 + equality).length;
  return `${two.length} of ${placements.length} cells with the published parts have two of them, one single link: there k-path and greedy find the best one in ${percent(equal / Math.max(1, ratios.length), 0)} of the cases, and nothing is to be learnt.`;
}

function manyParts(placements: readonly PlacementCell[]): string[] {
  const many = placements.filter(({ parts }) => parts >= 4);
  if (many.length === 0) return [];
  const of = (name: string): string => {
    const ratios = many.flatMap(({ methods, exact }) => pairedRatios(methods[name] ?? [], exact));
    const best = ratios.filter((ratio) => ratio <= 1 + equality).length;
    return `${intervalText(ratioInterval(ratios))} times the exact placement's seconds, and exactly these in ${percent(best / ratios.length, 0)}`;
  };
  return [`With four parts and more, k-path takes ${of("kpath")}; greedy ${of("greedy")}.`];
}

function published(networks: readonly NetworkCell[]): string[] {
  const asked = networks.reduce((sum, { exact }) => sum + known(exact).length, 0);
  const answered = networks.reduce(
    (sum, { methods }) => sum + known(methods["kpath-published"] ?? []).length,
    0,
  );
  if (asked === 0) return [];
  const reason = networks.flatMap(({ publishedReason }) => publishedReason ?? [])[0];
  return [
    `Counted as published, memory is missing: of ${asked} problems that have a plan, k-path as published has an allowed one for ${answered}${reason === undefined ? "" : ` (for instance: ${reason})`}.`,
  ];
}

function together(cells: readonly NetworkCell[]): string[] {
  const placed = cells.flatMap(({ placed, exact }) => pairedRatios(placed, exact));
  const kpath = cells.flatMap(({ methods, exact }) => pairedRatios(methods["kpath"] ?? [], exact));
  if (placed.length === 0) return [];
  return [
    `Where only links count, by honest sizes, k-path is ${intervalText(ratioInterval(kpath))} times the best chain; its parts placed exactly ${intervalText(ratioInterval(placed))}: the rest is what cutting and placing together gives.`,
  ];
}

function computing(cells: readonly NetworkCell[]): string[] {
  const found = cells.flatMap((cell) =>
    pairedRatios(cell.methods["kpath"] ?? [], cell.exact).map((ratio) => ({ cell, ratio })),
  );
  if (found.length === 0) return [];
  const worst = found.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const ratios = found.map(({ ratio }) => ratio);
  const { network, capMebibytes, devices } = worst.cell;
  return [
    `With compute on devices of three speeds, and the way of the input and the answer, k-path takes ${geometricMean(ratios).toFixed(2)} times as long as exact (median ${median(ratios).toFixed(2)}, up to ${worst.ratio.toFixed(2)} for ${network} below ${capMebibytes} MiB on ${devices} devices).`,
  ];
}

function losses(placements: readonly PlacementCell[], networks: readonly NetworkCell[]): string {
  const found = [...placements, ...networks].map((cell) => {
    const ratios = Object.values(cell.methods).flatMap((values) =>
      pairedRatios(values, cell.exact),
    );
    return { cell, ratios, lost: ratios.filter((ratio) => ratio < 1 - equality).length };
  });
  const count = (of: (one: (typeof found)[number]) => number): number =>
    found.reduce((sum, one) => sum + of(one), 0);
  const where = found
    .filter(({ lost }) => lost > 0)
    .map(({ cell }) => {
      const name = "network" in cell ? cell.network : cell.model;
      return `${name} below ${cell.capMebibytes} MiB on ${cell.devices} devices`;
    });
  const named = where.length === 0 ? "" : ` (${where.join("; ")})`;
  return `exact is worse than another method in ${count(({ lost }) => lost)} of ${count(({ ratios }) => ratios.length)} comparisons${named}.`;
}
