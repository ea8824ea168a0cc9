import { formatQuantity } from "../../base/units.ts";
import type { Reach } from "../doctor/reach.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";

/** Who reaches whom, as a table, and below it what to do. */
export function formatReach(reached: readonly Reach[], terminal: Terminal): string {
  const { bold, dim } = terminal.colours;
  const columns = [
    { head: "from" },
    { head: "to" },
    { head: "reached" },
    { head: "at" },
    { head: "round trip", align: "right" },
    { head: "rate", align: "right" },
  ] as const;
  const rows = reached.map((reach) => [
    reach.from,
    reach.to,
    wayOf(reach, terminal),
    reach.way === "direct" ? (reach.address ?? "") : "",
    reach.roundTripSeconds === null ? "" : formatQuantity(reach.roundTripSeconds, "s"),
    reach.bitsPerSecond === null ? "" : formatQuantity(reach.bitsPerSecond, "bit/s"),
  ]);
  const advice = reached.flatMap(({ from, to, why, fix }) => {
    if (fix === null) return [];
    return [`  ${from} to ${to}: ${why === null ? "" : `${why}; `}${fix}`];
  });
  const table = `${bold("Who reaches whom")}\n${formatTable(columns, rows, terminal)}`;
  return [table, ...advice.map((line) => dim(line))].join("\n");
}

function wayOf({ way }: Reach, { colours }: Terminal): string {
  if (way === "direct") return colours.green("directly");
  if (way === "coordinator") return colours.yellow("through the coordinator");
  return colours.red("not at all");
}
