import { lineChart } from "../charts.ts";
import { asCount, asPercent, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { StudyChart, StudyTable } from "../study.ts";
import { type Decision, type DynamicResult, type DynamicStep, guardedWhole } from "./dynamic.ts";

/** One decider over many steps. */
interface Summary {
  readonly medianSeconds: number;
  readonly meanRegret: number;
  readonly worstRegret: number;
  /** Means over all steps, and over those in which something left its band; `null`: not local. */
  readonly touched: number | null;
  readonly touchedOnDrift: number | null;
}

export function deciderNames(steps: readonly DynamicStep[]): string[] {
  return (steps[0]?.decisions ?? []).map(({ decider }) => decider);
}

export function summarise(steps: readonly DynamicStep[], decider: string): Summary {
  const own = steps.map((step) => ({ step, decision: decisionOf(step, decider) }));
  const regrets = own.map(({ step, decision }) => regretOf(step, decision));
  const touched = own.map(({ decision }) => decision.touched ?? Number.NaN);
  const moved = touched.filter((share) => share > 0);
  const isLocal = own.every(({ decision }) => decision.touched !== undefined);
  return {
    medianSeconds: median(own.map(({ decision }) => decision.seconds)),
    meanRegret: mean(regrets),
    worstRegret: Math.max(...regrets),
    touched: isLocal ? mean(touched) : null,
    touchedOnDrift: isLocal && moved.length > 0 ? mean(moved) : null,
  };
}

function decisionOf({ decisions }: DynamicStep, decider: string): Decision {
  const found = decisions.find((decision) => decision.decider === decider);
  if (found === undefined) throw new Error(`no decision of ${decider}`);
  return found;
}

function regretOf(step: DynamicStep, { latencySeconds }: Decision): number {
  return Math.max(0, latencySeconds / decisionOf(step, "exact").latencySeconds - 1);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const right = (head: string) => ({ head, align: "right" as const });

/** Each decider over each network's walks. */
export function dynamicTable({ steps }: DynamicResult): StudyTable {
  const networks = [...new Set(steps.map(({ network }) => network))];
  return {
    title:
      "While links and loads change: regret against exact, decision time, share of nodes touched",
    columns: [
      { head: "network" },
      { head: "decided by" },
      ...[
        "median decision",
        "nodes touched",
        "touched on a drift",
        "mean regret",
        "worst regret",
      ].map(right),
    ],
    rows: networks.flatMap((network) => {
      const own = steps.filter((step) => step.network === network);
      return deciderNames(steps).map((decider) => [network, decider, ...cellsOf(own, decider)]);
    }),
  };
}

function cellsOf(steps: readonly DynamicStep[], decider: string): string[] {
  const { medianSeconds, touched, touchedOnDrift, meanRegret, worstRegret } = summarise(
    steps,
    decider,
  );
  return [
    decider.startsWith("static") ? "–" : microseconds(medianSeconds),
    touched === null ? "–" : asPercent(touched),
    touchedOnDrift === null ? "–" : asPercent(touchedOnDrift),
    inWords(meanRegret),
    inWords(worstRegret),
  ];
}

function microseconds(seconds: number): string {
  return `${Number((seconds * 1e6).toPrecision(2)).toLocaleString("en")} µs`;
}

function inWords(regret: number): string {
  if (regret < 1e-6) return "0";
  return regret >= 10 ? asRatio(1 + regret) : asPercent(regret);
}

/** What the envelopes are, from which is decided. */
export function envelopeTable({ envelopes }: DynamicResult): StudyTable {
  return {
    title: "Envelopes over the whole range of both links and both loads",
    columns: [{ head: "network" }, right("placements"), right("proven excess"), right("built in")],
    rows: envelopes.map(({ network, placements, excess, buildSeconds }) => [
      network,
      String(placements),
      inWords(excess),
      `${buildSeconds.toPrecision(2)} s`,
    ]),
  };
}

/** Latency along the first walk of each network. */
export function walkChart({ steps }: DynamicResult): StudyChart {
  const seed = steps[0]?.seed;
  const shown = ["d3 local", "d3 whole", "static exact", "exact"];
  const own = steps.filter((step) => step.seed === seed && step.step < 60);
  const points = own.flatMap((step) =>
    shown.map((series) => ({
      x: step.step,
      y: decisionOf(step, series).latencySeconds * 1e3,
      series,
      panel: step.network,
    })),
  );
  const values = points.map(({ y }) => y);
  return {
    suffix: "walk",
    caption: "Latency while links and loads change, by how it is decided",
    spec: lineChart({
      title: "Re-partition at run time",
      subtitle:
        "latency of one request along one random walk of Wi-Fi links and loads; static exact: the best plan of the start, kept",
      points,
      x: { title: "step" },
      y: {
        title: "latency (ms)",
        scale: "log",
        domain: [0.9 * Math.min(...values), 1.1 * Math.max(...values)],
      },
      seriesTitle: "decided by",
      panels: { columns: 3 },
      size: { width: 230, height: 170 },
    }),
  };
}

/** What the walks say. */
export function dynamicFindings({ steps }: DynamicResult): string[] {
  const local = summarise(steps, "d3 local");
  const whole = summarise(steps, "d3 whole");
  const guarded = summarise(steps, guardedWhole);
  const envelope = summarise(steps, "envelope");
  const exact = summarise(steps, "exact");
  const drifts = steps.filter(({ drift }) => drift !== null);
  const links = drifts.filter(({ drift }) => drift === "links");
  const share = (some: readonly DynamicStep[]): string =>
    some.length === 0 ? "–" : asPercent(summarise(some, "d3 local").touched ?? 0);
  const loads = drifts.filter(({ drift }) => drift === "loads");
  return [
    `Something left its band in ${asCount(drifts.length, steps.length)} steps. Then local re-partition touched ${share(links)} of the nodes where only links had changed (${links.length} steps), and ${share(loads)} where a load had (${loads.length} steps): a load changes every node of its tier.`,
    `Local re-partition decides in ${microseconds(local.medianSeconds)} (median over all steps; where something drifted ${microseconds(summarise(drifts, "d3 local").medianSeconds)}, the comparison with the old plan included), the whole partition in ${microseconds(whole.medianSeconds)}, exact in ${microseconds(exact.medianSeconds)}, the envelope in ${(envelope.medianSeconds * 1e6).toPrecision(2)} µs.`,
    `Mean regret: local ${inWords(local.meanRegret)}, whole partition ${inWords(whole.meanRegret)}, envelope ${inWords(envelope.meanRegret)}, the d3 plan kept ${inWords(summarise(steps, "static d3").meanRegret)}, the exact plan kept ${inWords(summarise(steps, "static exact").meanRegret)}. Local re-partition keeps a change only if it costs less; the whole partition with the same guard comes to ${inWords(guarded.meanRegret)}.`,
  ];
}
