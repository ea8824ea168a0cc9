import { pairedRatios, percent } from "../k-path/ratios.ts";
import { geometricMean, median } from "../statistics.ts";
import type { StudyTable } from "../study.ts";
import { type GroupCell, reference, withoutTiles } from "./group-cells.ts";
import { outcomesAgainst, ratiosOf } from "./outcomes.ts";
import type { ScalingCell, UnequalCell } from "./scaling-cells.ts";

const right = "right" as const;

/** A row for each network and value of a field, all other cells of it together. */
export function groupTable(
  cells: readonly GroupCell[],
  field: "devices" | "megabitsPerSecond",
  guests: readonly string[],
): StudyTable {
  const rows = new Map<string, GroupCell[]>();
  for (const cell of cells) {
    const key = `${cell.network} ${cell[field]}`;
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  const methods = ["single", "pipedge", "pso", "exact-groups", withoutTiles, ...guests];
  const over = field === "devices" ? "all rates" : "all numbers of devices";
  return {
    title: `Periods ÷ those of ${reference}: geometric means over draws and ${over}`,
    columns: [
      { head: "network" },
      { head: field === "devices" ? "devices" : "Mbit/s", align: right },
      ...methods.map((name) => ({
        head: `${name === "single" ? "best single" : name} ÷ ${reference}`,
        align: right,
      })),
      { head: "over pipedge: wins / ties / losses", align: right },
      { head: "median margin", align: right },
      { head: "best margin", align: right },
      { head: "losses to any", align: right },
      { head: `${reference} ÷ its bound`, align: right },
    ],
    rows: [...rows.values()].map((group) => {
      const first = group[0] as GroupCell;
      const { wins, ties, losses } = outcomesAgainst(group, "pipedge");
      const margins = ratiosOf(group, "pipedge").map((ratio) => ratio - 1);
      return [
        first.network,
        String(first[field]),
        ...methods.map((name) => meanText(ratiosOf(group, name))),
        `${wins} / ${ties} / ${losses}`,
        percent(median(margins)),
        percent(Math.max(...margins)),
        String(methods.reduce((sum, name) => sum + outcomesAgainst(group, name).losses, 0)),
        meanText(
          group.flatMap(({ periods, referenceBounds }) =>
            pairedRatios(periods[reference] ?? [], referenceBounds),
          ),
        ),
      ];
    }),
  };
}

/** Throughput on equal devices as a multiple of that of one. */
export function scalingTable(cells: readonly ScalingCell[], guests: readonly string[]): StudyTable {
  return {
    title: "Equal devices: throughput as a multiple of that of one device",
    columns: [
      { head: "network" },
      { head: "Mbit/s", align: right },
      { head: "devices", align: right },
      { head: "best single s", align: right },
      ...["pipedge", "exact", ...guests].map((head) => ({ head, align: right })),
    ],
    rows: cells.map((cell) => [
      cell.network,
      String(cell.megabitsPerSecond),
      String(cell.devices),
      cell.single.toFixed(3),
      `${(cell.single / cell.pipedge).toFixed(2)}x`,
      `${(cell.single / cell.exact).toFixed(2)}x`,
      ...guests.map((name) => {
        const value = cell.guests[name] ?? null;
        return value === null ? "none" : `${(cell.single / value).toFixed(2)}x`;
      }),
    ]),
  };
}

/** What it costs to take unequal devices for equal ones. */
export function unequalTable(cells: readonly UnequalCell[], guests: readonly string[]): StudyTable {
  return {
    title: "Unequal devices: periods of plans made for their mean speed, and for each one's own",
    columns: [
      { head: "network" },
      { head: "Mbit/s", align: right },
      { head: "devices", align: right },
      { head: "best single ÷ pipedge", align: right },
      ...["exact", ...guests].map((name) => ({ head: `${name} ÷ pipedge`, align: right })),
      { head: "as if equal ÷ pipedge, median", align: right },
      { head: "least", align: right },
      { head: "most", align: right },
    ],
    rows: cells.map((cell) => {
      const against = (values: readonly (number | null)[]): number[] =>
        pairedRatios(values, cell.pipedge);
      const ratios = against(cell.assumedEqual);
      return [
        cell.network,
        String(cell.megabitsPerSecond),
        String(cell.devices),
        geometricMean(against(cell.single)).toFixed(2),
        ...[cell.exact, ...guests.map((name) => cell.guests[name] ?? [])].map((values) =>
          meanText(against(values)),
        ),
        ...[median(ratios), Math.min(...ratios), Math.max(...ratios)].map(
          (ratio) => `${ratio.toFixed(2)}x`,
        ),
      ];
    }),
  };
}

function meanText(ratios: readonly number[]): string {
  return ratios.length === 0 ? "none" : geometricMean(ratios).toFixed(3);
}
