import { formatQuantity } from "../../base/units.ts";
import type { PlannedBatch } from "../../plan/plan.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";

/** How many requests are joined, and what was found for each number of them. */
export function formatBatch(
  { most, waitSeconds, tried }: PlannedBatch,
  terminal: Terminal,
): string {
  const wait =
    waitSeconds > 0 ? `, each waits up to ${formatQuantity(waitSeconds, "s")} for others` : "";
  const verdict =
    most === 1
      ? "Joining requests does not pay: each goes alone."
      : `Up to ${most} requests that wait go as one${wait}; figures below are of ${most} as one.`;
  const columns = [
    { head: "requests as one", align: "right" },
    { head: "latency of all", align: "right" },
    { head: "throughput", align: "right" },
    { head: "" },
  ] as const;
  const rows = tried.map((one): string[] => {
    const chosen = one.requests === most ? "chosen" : "";
    if ("reason" in one) return [String(one.requests), "", "", one.reason];
    const { latencySeconds, throughputPerSecond } = one;
    return [
      String(one.requests),
      formatQuantity(latencySeconds, "s", 4),
      `${Number(throughputPerSecond.toPrecision(4))} /s`,
      chosen,
    ];
  });
  return `${verdict}\n\n${formatTable(columns, rows, terminal)}`;
}
