import { formatQuantity } from "../../base/units.ts";
import type { Front, FrontPoint } from "../../plan/pareto.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Terminal } from "../terminal.ts";
import { formatPercent } from "./percent.ts";
import { shorten } from "./shorten.ts";
import { formatTable } from "./table.ts";

/** A front as people read it: one line for each plan, and what not splitting would give. */
export function formatFront(front: Front, terminal: Terminal): string {
  const { bold } = terminal.colours;
  return [
    `${bold(headline(front))}\n  ${proofOf(front)}\n\n${points(front, terminal)}`,
    `${bold("Everything on one device")}\n${alternatives(front, terminal)}`,
  ].join("\n\n");
}

function headline({ axes, points, method }: Front): string {
  const what = method === "supported" ? "supported " : "";
  const count = points.length === 1 ? `one ${what}point` : `${points.length} ${what}points`;
  return `Front of ${axes[0]} against ${axes[1]}: ${count}.`;
}

/** What is proven about the front as a whole, in a sentence. */
function proofOf({ method, complete, points }: Front): string {
  if (method === "supported") {
    return complete
      ? "Proven: whatever weights you give the two figures, one of these plans is the best of all placements."
      : "Not every weighted sum was solved in time: a point may be missing, and each is within its gap. Give more --time-limit.";
  }
  if (points.length === 1) {
    return "One plan is the best known in both figures.";
  }
  if (complete) {
    return "Proven: between the first and the last point no placement is better in one figure and as good in the other.";
  }
  const isProven = points.every(({ gap }) => gap === 0);
  return isProven
    ? "Proven: no placement beats one of these points; more of them lie in between (--points)."
    : "No placement beats one of these points by more than its gap; more of them may lie in between.";
}

function points(front: Front, terminal: Terminal): string {
  const rows = front.points.map((point, position) => [
    position,
    ...formatValues(front, point.values),
    devicesOf(point.plan),
    sentBy(point.plan),
    formatGap(point),
  ]);
  const columns = [
    { head: "point", align: "right" },
    { head: front.axes[0], align: "right" },
    { head: front.axes[1], align: "right" },
    { head: "devices" },
    { head: "sent" },
    { head: "gap", align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal);
}

/** A throughput is read as one, though its period is what is compared. */
function formatValues({ axes, units }: Front, values: readonly [number, number]): string[] {
  return values.map((value, axis) =>
    axes[axis] === "throughput"
      ? `${Number((1 / value).toPrecision(5))} /s`
      : formatQuantity(value, units[axis] as "s", 5),
  );
}

function devicesOf({ stages }: Plan): string {
  return [...new Set(stages.flatMap(({ devices }) => devices))].join(", ");
}

function sentBy({ transfers }: Plan): string {
  const [first] = transfers;
  if (first === undefined) return "nothing";
  const total = transfers.reduce((sum, { bytes }) => sum + bytes, 0);
  const names = new Set(transfers.map(({ tensor }) => tensor));
  const others = names.size > 1 ? ` and ${names.size - 1} more` : "";
  return `${formatQuantity(total, "B")}: ${shorten(first.tensor)}${others}`;
}

function formatGap({ gap }: FrontPoint): string {
  if (gap === null) return "unknown";
  return gap === 0 ? "0" : formatPercent(gap);
}

function alternatives(front: Front, terminal: Terminal): string {
  const rows = Object.entries(front.alternatives).map(([name, values]) => [
    name,
    ...formatValues(front, values),
  ]);
  if (rows.length === 0) return "  allowed on none";
  const columns = [
    { head: "device" },
    { head: front.axes[0], align: "right" },
    { head: front.axes[1], align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal);
}
