import { lineChart } from "../charts.ts";
import { median } from "../statistics.ts";
import type { Headline, StudyChart } from "../study.ts";
import { tellingGain, type Verdict } from "../verdict.ts";
import type { Cell } from "./cell.ts";
import { benchmarkedAt, constrained } from "./setting.ts";
import { mean, outcomeOf, percent, type Regret, regretsOf, savingOf, where } from "./tables.ts";

/** The published figure. */
const claimed = 0.4;

type Figure = "latencySeconds" | "linkBytes";

/** Cells on a link of a tenth of the benchmarked rate or less, with nothing else scarce. */
function constrainedCells(cells: readonly Cell[]): Cell[] {
  return where(cells, { scarcity: "bandwidth" }).filter(({ megabits }) => megabits <= constrained);
}

/** "Efficiency" is not defined in the abstract: once as latency, once as bytes. */
export function headlinesOf(cells: readonly Cell[]): Headline[] {
  return [headline(cells, "latencySeconds"), headline(cells, "linkBytes")];
}

function headline(cells: readonly Cell[], figure: Figure): Headline {
  const among = constrainedCells(cells);
  const saved = savings(among, "resource-aware", figure);
  const what = figure === "latencySeconds" ? "latency" : "bytes on the link";
  const networks = [...new Set(among.map(({ network }) => network))];
  const means = networks.map((network) => ({
    network,
    mean: mean(savings(where(among, { network }), "resource-aware", figure)),
  }));
  const least = means.reduce((low, one) => (one.mean < low.mean ? one : low));
  const reached = means.filter(({ mean: value }) => value >= claimed).length;
  const everywhere = savings(where(cells, { scarcity: "bandwidth" }), "resource-aware", figure);
  const again = (method: string): string => percent(mean(savings(among, method, figure)));
  const truth = regretsOf(among, "resource-aware", "within budgets").map(({ value }) => value);
  const proven = regretsOf(among, "resource-aware", "exact").map(({ value }) => value);
  const single = regretsOf(among, "resource-aware", "best single").map(({ value }) => value);
  const unsplit = among.filter((cell) => outcomeOf(cell, "resource-aware")?.linkBytes === 0).length;
  return {
    system: "resource-aware",
    published: "40 % better efficiency, bandwidth-constrained",
    publishedAgainst: "offline benchmarking",
    measured: `${percent(mean(saved))} less ${what} on average, median ${percent(median(saved))}, ${reached} of ${networks.length} networks at 40 % or more`,
    cell: `${networks.length} networks at up to ${constrained} Mbit/s, device of speed 0.05, float32 input`,
    against: `the best cut benchmarked at ${benchmarkedAt} Mbit/s and kept`,
    verdict: verdictOf(mean(saved), single),
    remark: [
      `"Efficiency" is read as ${what}. Least: ${least.network} with ${percent(least.mean)}.`,
      `The stale baseline makes it: in the same cells everything on the device saves ${again("device-only")}, the benchmark told the true bandwidth ${again("true")}, all resources weighted ${again("resource-aware-weighted")}.`,
      `In ${unsplit} of these ${among.length} cells its answer is everything on the device, which is no split.`,
      `Over all bandwidths of the grid it saves ${percent(median(everywhere))} by the median and ${percent(mean(everywhere))} on average.`,
      `In these cells its latency is ${percent(median(truth))} above the best cut benchmarked at the true bandwidth by the median, ${percent(median(proven))} above \`exact\`, ${percent(median(single))} above the best single device`,
    ].join(" "),
  };
}

/** @param single latency ÷ that of the best single device, − 1, by cell */
function verdictOf(saved: number, single: readonly number[]): Verdict {
  if (!(saved >= claimed)) return "not reproduced";
  const gain = median(single.map((regret) => 1 / (1 + regret) - 1));
  return gain >= tellingGain ? "reproduced" : "trivial";
}

function savings(cells: readonly Cell[], method: string, figure: Figure): number[] {
  return cells.flatMap((cell) => savingOf(cell, method, figure) ?? []);
}

/** What the tables say. */
export function findingsOf(cells: readonly Cell[]): string[] {
  const ours = regretsOf(cells, "resource-aware", "within budgets");
  const values = ours.map(({ value }) => value);
  const weighted = regretsOf(cells, "resource-aware-weighted", "within budgets");
  const worst = ours.reduce<Regret | null>(
    (most, one) => (most === null || one.value > most.value ? one : most),
    null,
  );
  const broken = (method: string): number =>
    cells.filter((cell) => (outcomeOf(cell, method)?.breaks ?? null) !== null).length;
  const count = cells.length;
  const near = values.filter((value) => value <= 0.1).length;
  const without = count - values.length;
  const gainsOf = (method: string): number =>
    regretsOf(cells, method, "best single").filter(({ value }) => value < -1e-9).length;
  const alone = cells.filter((cell) => outcomeOf(cell, "best single") === null);
  const rescued = alone.filter((cell) => outcomeOf(cell, "resource-aware")?.breaks === null).length;
  const possible = gainsOf("best known");
  return [
    `Budgets broken: resource-aware ${broken("resource-aware")} of ${count} cells (${broken("unchecked")} if its own estimates were not checked against the measured figures), the latency-only benchmark ${broken("stale")} if stale and ${broken("true")} if told the truth, device-only ${broken("device-only")}.`,
    `Regret of zero benchmarking: ${percent(median(values))} by the median, at most 10 % in ${near} of ${values.length} cells${worst === null ? "" : `, worst ${percent(worst.value)} (${nameOf(worst.cell)})`}; with all resources weighted ${percent(median(weighted.map(({ value }) => value)))} by the median.${without === 0 ? "" : ` In ${without} cells it has no plan.`}`,
    `A single device keeps the budgets in ${count - alone.length} of ${count} cells. There resource-aware beats the best one in ${gainsOf("resource-aware")}; the fastest plan known within the budgets does in ${possible}, so that in ${count - alone.length - possible} there was nothing to gain.${alone.length === 0 ? "" : ` In the other ${alone.length} only a split keeps them, and resource-aware finds one in ${rescued}.`}`,
  ];
}

function nameOf({ network, scarcity, megabits }: Cell): string {
  return `${network}, little ${scarcity}, ${megabits} Mbit/s`;
}

const lines: Readonly<Record<string, string>> = {
  exact: "exact",
  "best single": "best single",
  stale: "stale benchmark",
  "resource-aware": "scarce resource",
  "resource-aware-weighted": "all, weighted",
};

/** Latency over bandwidth for the networks, on the device with little bandwidth. */
export function chartOf(cells: readonly Cell[]): StudyChart {
  const among = where(cells, { scarcity: "bandwidth" });
  const points = among.flatMap((cell) =>
    Object.entries(lines).flatMap(([method, series]) => {
      const outcome = outcomeOf(cell, method);
      if (outcome === null) return [];
      return [{ x: cell.megabits, y: outcome.latencySeconds, series, panel: cell.network }];
    }),
  );
  return {
    suffix: "",
    caption: "Latency over bandwidth, decided without a benchmark, with a stale one, and exactly",
    spec: lineChart({
      title: "Deciding from shapes against a stale benchmark",
      subtitle: `device of speed 0.05 with nothing scarce but bandwidth; benchmarked at ${benchmarkedAt} Mbit/s`,
      points,
      x: { title: "bandwidth (Mbit/s)", scale: "log", domain: [0.4, 125] },
      y: { title: "latency (s)", scale: "log" },
      seriesTitle: "decided by",
      panels: { columns: 4 },
      size: { width: 180, height: 140 },
    }),
  };
}
