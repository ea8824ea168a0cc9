import { formatQuantity } from "../../base/units.ts";
import type { Choices } from "../../control/choices.ts";
import type { PolicyFigures, PolicyName } from "../../sim/compare-policies.ts";
import type { Adaptation } from "../adapting.ts";
import type { Terminal } from "../terminal.ts";
import { formatFacts, formatTable } from "./table.ts";

const meanings: Readonly<Record<PolicyName, string>> = {
  adaptive: "re-planned live",
  oracle: "the best plan of each moment, at once",
  paying: "the same, but each switch takes its time",
  static: "the best plan to keep, known afterwards",
  start: "the first plan, kept",
  whole: "never split: the best device, known afterwards",
};

/** What was asked, next to what came of it. */
export interface AdaptationReport extends Adaptation {
  readonly arrivals: string;
  readonly warmUp: number;
  readonly events: readonly string[];
}

/** The report as one JSON document. */
export function adaptationDocument({
  choices,
  figures,
  arrivals,
  warmUp,
}: AdaptationReport): object {
  return {
    arrivals,
    warmUp,
    plans: Array.from({ length: choices.count() }, (_, choice) => shapeOf(choices, choice)),
    policies: figures,
  };
}

/** A table of policies under what was asked. */
export function formatAdaptation(report: AdaptationReport, terminal: Terminal): string {
  const { choices, figures, arrivals, warmUp, events } = report;
  const { bold } = terminal.colours;
  const asked: [string, string | number][] = [
    ["arrivals", arrivals],
    ["world", events.length === 0 ? "nothing changes" : events.join("\n")],
    ["plans to choose from", choices.count()],
    ...(warmUp > 0
      ? ([["measured", `behind the first ${warmUp} requests`]] as [string, string][])
      : []),
  ];
  const rows = figures.map((row) => [
    meanings[row.name],
    ...[row.meanSeconds, row.medianSeconds, row.p99Seconds].map((value) =>
      value === null ? "–" : formatQuantity(value, "s", 4),
    ),
    row.switches,
    row.regret === null ? "–" : `${(100 * row.regret).toFixed(1)} %`,
    row.choice === null ? "" : shapeOf(choices, row.choice),
  ]);
  const columns = [
    { head: "" },
    ...["mean", "p50", "p99", "switches", "above the oracle"].map(
      (head) => ({ head, align: "right" }) as const,
    ),
    { head: "plan" },
  ];
  return [
    `${bold(formatOutcome(figures))}\n${formatFacts(asked, terminal)}`,
    `${bold("Latency")}\n${formatTable(columns, rows, terminal)}`,
  ].join("\n\n");
}

function formatOutcome(figures: readonly PolicyFigures[]): string {
  const of = (name: PolicyName): number | null =>
    figures.find((row) => row.name === name)?.meanSeconds ?? null;
  const [adaptive, kept] = [of("adaptive"), of("static")];
  if (adaptive === null || kept === null) return "Nothing was measured.";
  const percent = (100 * Math.abs(adaptive - kept)) / kept;
  if (percent < 0.05) return "Re-planning live changes nothing: one plan is the best all the time.";
  const what = adaptive < kept ? "less" : "more";
  return `Re-planned live, requests take ${percent.toFixed(1)} % ${what} than with the best plan to keep.`;
}

/** How many nodes each device, or several together, have. */
function shapeOf(choices: Choices, choice: number): string {
  const { placement, tiles = [] } = choices.at(choice);
  const shared = new Map(tiles.flatMap((stage) => stage.nodes.map((node) => [node, stage])));
  const { devices } = choices.problem;
  const counts = new Map<string, number>();
  placement.forEach((on, node) => {
    const members = [...new Set(shared.get(node)?.devices ?? [on])].sort((a, b) => a - b);
    const key = members.map((device) => String(device).padStart(8, "0")).join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, nodes]) => {
      const names = key.split(" ").map((device) => devices[Number(device)]?.name);
      return `${names.join(" + ")} ${nodes}`;
    })
    .join(", ");
}
