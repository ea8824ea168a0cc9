import { geometricMean, median } from "../statistics.ts";
import type { StudyTable } from "../study.ts";
import type { NetworkCell } from "./network-cells.ts";
import type { PlacementCell } from "./placement-cells.ts";
import type { PublishedResults } from "./published.ts";
import { known, meanOf, pairedRatios, ratioText } from "./ratios.ts";

const right = "right" as const;

/** The published partitions on the most devices, the published means in brackets. */
export function placementTable(
  cells: readonly PlacementCell[],
  { rows }: PublishedResults,
  guests: readonly string[],
): StudyTable {
  const most = Math.max(...cells.map(({ devices }) => devices));
  const published = (cell: PlacementCell, method: "kpath20" | "greedy" | "random"): string => {
    const row = rows.find(
      ({ model, capMebibytes }) => model === cell.model && capMebibytes === cell.capMebibytes,
    );
    const means = row?.seconds.find(({ devices }) => devices === cell.devices);
    return means === undefined ? "" : ` [${means[method]}]`;
  };
  const seconds = (values: readonly (number | null)[] | undefined): string => {
    const found = known(values ?? []);
    return found.length === 0 ? "none" : meanOf(found).toFixed(3);
  };
  return {
    title: `The published parts, placed on ${most} devices: mean seconds of the slowest link [published mean], and ratios to the exact placement (95 % interval)`,
    columns: [
      { head: "network" },
      { head: "MiB", align: right },
      { head: "parts", align: right },
      { head: "best single" },
      { head: "random", align: right },
      { head: "greedy", align: right },
      { head: "k-path published", align: right },
      { head: "exact", align: right },
      { head: "random ÷ exact", align: right },
      ...["greedy", "k-path published", "k-path mended", ...guests].map((name) => ({
        head: `${name} ÷ exact`,
        align: right,
      })),
      { head: "exact ÷ bound", align: right },
    ],
    rows: cells
      .filter(({ devices }) => devices === most)
      .map((cell) => {
        const { methods, exact } = cell;
        const ratio = (values: readonly (number | null)[] | undefined): string =>
          ratioText(pairedRatios(values ?? [], exact), exact.length);
        return [
          cell.model,
          String(cell.capMebibytes),
          String(cell.parts),
          "none fits",
          meanOf(cell.random).toFixed(2) + published(cell, "random"),
          seconds(methods["greedy"]) + published(cell, "greedy"),
          seconds(methods["kpath-published"]) + published(cell, "kpath20"),
          meanOf(exact).toFixed(3),
          geometricMean(pairedRatios(cell.random, exact)).toFixed(1),
          ...["greedy", "kpath-published", "kpath", ...guests].map((name) => ratio(methods[name])),
          geometricMean(pairedRatios(exact, cell.bound)).toFixed(3),
        ];
      }),
  };
}

/** Cells of one network and memory on all numbers of devices together. */
export function networkTable(
  cells: readonly NetworkCell[],
  title: string,
  guests: readonly string[],
): StudyTable {
  const groups = new Map<string, NetworkCell[]>();
  for (const cell of cells) {
    const key = `${cell.network} ${cell.capMebibytes}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return {
    title,
    columns: [
      { head: "network" },
      { head: "MiB", align: right },
      { head: "devices", align: right },
      { head: "k-path's parts", align: right },
      { head: "best single" },
      { head: "exact s, median", align: right },
      ...[
        "random",
        "greedy",
        "k-path published",
        "k-path mended",
        "k-path's parts placed exactly",
        ...guests,
      ].map((name) => ({ head: `${name} ÷ exact`, align: right })),
      { head: "exact ÷ bound", align: right },
    ],
    rows: [...groups.values()].map((group) => networkRow(group, guests)),
  };
}

function networkRow(group: readonly NetworkCell[], guests: readonly string[]): string[] {
  const first = group[0] as NetworkCell;
  const all = (of: (cell: NetworkCell) => readonly (number | null)[]): (number | null)[] =>
    group.flatMap(of);
  const exact = all((cell) => cell.exact);
  const feasible = known(exact).length;
  const ratio = (of: (cell: NetworkCell) => readonly (number | null)[] | undefined): string =>
    ratioText(
      pairedRatios(
        all((cell) => of(cell) ?? []),
        exact,
      ),
      feasible,
    );
  const parts = all((cell) => cell.parts).flatMap((count) => (count === 0 ? [] : (count ?? [])));
  const singles = known(all((cell) => cell.single));
  const devices = group.map((cell) => cell.devices);
  const bound = pairedRatios(
    exact,
    all((cell) => cell.bound),
  );
  return [
    first.network,
    String(first.capMebibytes),
    range(devices),
    parts.length === 0 ? "none" : range(parts),
    singles.length === 0 ? "none fits" : median(singles).toFixed(3),
    feasible === 0 ? "none" : median(known(exact)).toFixed(3),
    ratio((cell) => cell.random),
    ...["greedy", "kpath-published", "kpath"].map((name) => ratio((cell) => cell.methods[name])),
    ratio((cell) => cell.placed),
    ...guests.map((name) => ratio((cell) => cell.methods[name])),
    bound.length === 0 ? "none" : geometricMean(bound).toFixed(3),
  ];
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least}–${most}`;
}
